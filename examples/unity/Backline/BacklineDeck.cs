// Loops a piece, and joins the next one on a bar line, by the clock of the sound device.
using UnityEngine;

namespace Backline
{
    public sealed class BacklineDeck : MonoBehaviour
    {
        const double LeadSeconds = 0.2; // Unity wants to know of a start before it comes

        AudioSource playing, other;
        Piece piece;
        double began; // when the piece that plays was at its first frame, in dspTime

        void Awake()
        {
            playing = gameObject.AddComponent<AudioSource>();
            other = gameObject.AddComponent<AudioSource>();
        }

        /// <summary>Begins a piece at the next bar line of the one that plays, or at once.</summary>
        public void Join(Piece next)
        {
            double now = AudioSettings.dspTime + LeadSeconds;
            double start = piece == null ? now : NextBar(System.Math.Max(now, began));
            if (piece != null)
                playing.SetScheduledEndTime(start);
            other.clip = next.Clip;
            other.loop = true;
            other.PlayScheduled(start);
            (playing, other) = (other, playing);
            (piece, began) = (next, start);
        }

        double NextBar(double moment)
        {
            int end = piece.BarFrames[piece.BarFrames.Length - 1];
            double frames = (moment - began) * piece.SampleRate;
            double round = System.Math.Floor(frames / end) * end; // where its present time round began
            foreach (int bar in piece.BarFrames)
                if (round + bar >= frames)
                    return began + (round + bar) / piece.SampleRate;
            return began + (round + end) / piece.SampleRate;
        }
    }
}
