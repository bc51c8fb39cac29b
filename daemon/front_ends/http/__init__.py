"""The same jobs over HTTP, from a process of its own: no download keeps a ping waiting."""
