// A game with two states: each asks for its music, which begins on a bar line of what plays.
using UnityEngine;

namespace Backline
{
    [RequireComponent(typeof(BacklineBand), typeof(BacklineDeck))]
    public sealed class BacklineGame : MonoBehaviour
    {
        readonly Order explore = new Order { bpm = 96, tags = "ambient, calm" };
        readonly Order fight = new Order { bpm = 140, tags = "metal, driving" };
        Order state;

        void Start()
        {
            Enter(explore);
        }

        void Update()
        {
            if (Input.GetKeyDown(KeyCode.Return))
                Enter(state == explore ? fight : explore);
        }

        /// <summary>Goes to a state; what plays goes on until the music is there and a bar begins.</summary>
        public void Enter(Order order)
        {
            state = order;
            StartCoroutine(GetComponent<BacklineBand>().Play(order, piece =>
            {
                if (piece != null && state == order)
                    GetComponent<BacklineDeck>().Join(piece);
            }));
        }
    }
}
