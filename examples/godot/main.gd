extends Node
# A game with two states. Enter goes from one to the other: its music is asked for, and begins on a
# bar line of what plays. BACKLINE_URL names another daemon; with BACKLINE_RECORD what would be
# heard is written into that file instead, as 16-bit stereo, and the game ends (the test does that).

const Deck = preload("res://deck.gd")
const STATES = {
	"explore": {"bpm": 96, "key": "D minor", "tags": "ambient, calm", "seed": 1},
	"fight": {"bpm": 140, "key": "D minor", "tags": "metal, driving", "seed": 1},
}
const BARS = 16
const RECORDED_CHUNK = 777  # no divisor of anything

var deck = Deck.new()
var state = ""
var _playback = null


func _ready():
	if OS.has_environment("BACKLINE_URL"):
		$Band.address = OS.get_environment("BACKLINE_URL")
	var stream = AudioStreamGenerator.new()
	stream.mix_rate = 48000
	stream.buffer_length = 0.2
	$Player.stream = stream
	$Player.play()
	_playback = $Player.get_stream_playback()
	if OS.has_environment("BACKLINE_RECORD"):
		_record(OS.get_environment("BACKLINE_RECORD"))
	else:
		enter("explore")


func _process(_delta):
	if not OS.has_environment("BACKLINE_RECORD"):
		_playback.push_buffer(deck.pull(_playback.get_frames_available()))


func _unhandled_input(event):
	if event.is_action_pressed("ui_accept"):
		enter("fight" if state == "explore" else "explore")


# Goes to a state; what plays goes on until its music is there and a bar begins.
func enter(new_state):
	state = new_state
	var fields = STATES[new_state].duplicate()
	fields["bars"] = int(OS.get_environment("BACKLINE_BARS")) if OS.has_environment("BACKLINE_BARS") else BARS
	var piece = yield($Band.piece(fields), "completed")
	if piece != null and state == new_state:
		deck.join(piece)
	return piece


func _record(path):
	var file = File.new()
	file.open(path, File.WRITE)
	var first = yield(enter("explore"), "completed")
	if first == null:
		get_tree().quit(1)
		return
	var changing = first.frames + first.frames / 2 + 1000  # in the middle of its second time
	var frames = _record_until(file, 0, changing)
	var second = yield(enter("fight"), "completed")
	if second == null:
		get_tree().quit(1)
		return
	_record_until(file, frames, frames + first.frames + second.frames + second.frames / 2)
	file.close()
	get_tree().quit(0)


func _record_until(file, frames, end):
	while frames < end:
		for each in deck.pull(RECORDED_CHUNK):
			file.store_16(int(round(each.x * 32768)) & 0xFFFF)
			file.store_16(int(round(each.y * 32768)) & 0xFFFF)
			frames += 1
	return frames
