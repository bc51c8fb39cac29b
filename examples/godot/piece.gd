extends Reference
# One piece of music: 16-bit stereo samples, and the frames at which its bars begin, and its end.

var bar_frames
var frames
var _samples = StreamPeerBuffer.new()


func _init(wav, bars):
	bar_frames = bars
	frames = int(bars[bars.size() - 1])  # what rings on after the last bar is left out
	_samples.data_array = _data_of(wav)


# The first bar line at a frame or after it.
func bar_from(frame):
	for each in bar_frames:
		if each >= frame:
			return int(each)
	return frames


# Appends `count` frames from `first` on to what is to be played.
func play_into(played, first, count):
	_samples.seek(first * 4)
	for _frame in range(count):
		var left = _samples.get_16() / 32768.0
		played.append(Vector2(left, _samples.get_16() / 32768.0))


# The samples of a WAV file, which has other parts beside them.
static func _data_of(wav):
	var at = 12
	while at + 8 <= wav.size():
		var size = wav[at + 4] | wav[at + 5] << 8 | wav[at + 6] << 16 | wav[at + 7] << 24
		if wav.subarray(at, at + 3).get_string_from_ascii() == "data":
			return wav.subarray(at + 8, at + 7 + size)
		at += 8 + size + size % 2
	return PoolByteArray()
