"""The words on the wire: one table of messages, a strict codec, a client; knows no audio."""
