"""What a clip of sound is, and what can be measured on it against a grid."""
