extends Reference
# Plays a piece as a loop, and joins the next one on a bar line: to the frame, whatever the chunks.

var piece = null
var at = 0
var _next = null


# Has a piece begin where the one that plays comes to its next bar line, or at once.
func join(next):
	if piece == null:
		piece = next
		at = 0
	else:
		_next = next


# Whether a piece still waits for its bar line.
func is_joining():
	return _next != null


# The next frames, as AudioStreamGeneratorPlayback.push_buffer takes them.
func pull(count):
	var played = []
	while played.size() < count and piece != null:
		var end = piece.frames if _next == null else piece.bar_from(at)
		if at >= end:
			if _next != null:
				piece = _next
				_next = null
			at = 0
			continue
		var part = int(min(end - at, count - played.size()))
		piece.play_into(played, at, part)
		at += part
	return PoolVector2Array(played)
