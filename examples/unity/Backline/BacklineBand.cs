// Orders a piece from backline's daemon over HTTP and makes an AudioClip of its bars.
using System;
using System.Collections;
using System.Text;
using UnityEngine;
using UnityEngine.Networking;

namespace Backline
{
    /// <summary>One piece: a clip that ends where its last bar does, and where its bars begin.</summary>
    public sealed class Piece
    {
        public AudioClip Clip;
        public int SampleRate;
        public int[] BarFrames; // the end is the last of them
    }

    [Serializable]
    public sealed class Order // fields of generate, with underscores
    {
        public string kind = "generate";
        public float bpm = 120;
        public string key = "D minor";
        public string tags = "";
        public int bars = 16;
        public int seed = 1;
        public string format = "wav16";
    }

    public sealed class BacklineBand : MonoBehaviour
    {
        [Serializable] private sealed class Job { public int job; public string state; public string message; }
        [Serializable] private sealed class Timing { public int sample_rate; public int[] bar_frames; }

        const float PollSeconds = 0.25f;
        public string address = "http://127.0.0.1:9788";

        /// <summary>Calls `done` with the piece that is asked for, or with null after an error.</summary>
        public IEnumerator Play(Order order, Action<Piece> done)
        {
            Job job = null;
            yield return Ask("/v1/jobs", JsonUtility.ToJson(order), found => job = Read<Job>(found));
            while (job != null && (job.state == "queued" || job.state == "running"))
            {
                yield return new WaitForSecondsRealtime(PollSeconds);
                yield return Ask("/v1/jobs/" + job.job, null, found => job = Read<Job>(found));
            }
            if (job == null || job.state != "done")
            {
                Debug.LogError("no music: " + (job == null ? "the daemon does not answer" : job.message));
                done(null);
                yield break;
            }
            Timing timing = null;
            byte[] wav = null;
            yield return Ask("/v1/jobs/" + job.job + "/timing", null, found => timing = Read<Timing>(found));
            yield return Ask("/v1/jobs/" + job.job + "/stems/mix.wav", null, found => wav = found);
            done(timing == null || wav == null ? null : Made(wav, timing));
        }

        static T Read<T>(byte[] data) where T : class
        {
            return data == null ? null : JsonUtility.FromJson<T>(Encoding.UTF8.GetString(data));
        }

        IEnumerator Ask(string path, string body, Action<byte[]> done)
        {
            using (var request = new UnityWebRequest(address + path, body == null ? "GET" : "POST"))
            {
                request.downloadHandler = new DownloadHandlerBuffer();
                if (body != null)
                {
                    request.uploadHandler = new UploadHandlerRaw(Encoding.UTF8.GetBytes(body));
                    request.SetRequestHeader("Content-Type", "application/json");
                }
                yield return request.SendWebRequest();
                if (request.result == UnityWebRequest.Result.Success)
                {
                    done(request.downloadHandler.data);
                    yield break;
                }
                Debug.LogError(path + ": " + request.error + " " + request.downloadHandler.text);
                done(null);
            }
        }

        static Piece Made(byte[] wav, Timing timing)
        {
            int frames = timing.bar_frames[timing.bar_frames.Length - 1], at = DataIn(wav);
            var samples = new float[frames * 2];
            for (int i = 0; i < samples.Length; i++)
                samples[i] = BitConverter.ToInt16(wav, at + 2 * i) / 32768f;
            var clip = AudioClip.Create("backline", frames, 2, timing.sample_rate, false);
            clip.SetData(samples, 0);
            return new Piece { Clip = clip, SampleRate = timing.sample_rate, BarFrames = timing.bar_frames };
        }

        static int DataIn(byte[] wav) // where the samples of a WAV file begin: other parts may be before them
        {
            int at = 12;
            while (Encoding.ASCII.GetString(wav, at, 4) != "data")
            {
                int size = BitConverter.ToInt32(wav, at + 4);
                at += 8 + size + size % 2;
            }
            return at + 8;
        }
    }
}
