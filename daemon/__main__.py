"""`python -m daemon` is `backline`."""

from daemon.cli import main

if __name__ == "__main__":
    main()
