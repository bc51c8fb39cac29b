"""The files that are made of the tables, for people and programs to read."""
