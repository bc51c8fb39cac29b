extends HTTPRequest
# Orders a piece from backline's daemon and downloads it. Each call is waited for with yield.

const Piece = preload("res://piece.gd")
const POLL_SECONDS = 0.25

var address = "http://127.0.0.1:9788"


# Gives the piece that the fields of generate ask for, or null and an error in the output.
func piece(fields):
	var body = {"kind": "generate", "format": "wav16", "sample_rate": 48000}
	for name in fields:
		body[name] = fields[name]
	var job = yield(_asked("/v1/jobs", HTTPClient.METHOD_POST, body), "completed")
	while job and (job.state == "queued" or job.state == "running"):
		yield(get_tree().create_timer(POLL_SECONDS), "timeout")
		job = yield(_asked("/v1/jobs/%d" % job.job), "completed")
	if not job or job.state != "done":
		push_error("no music: %s" % (job.message if job else "the daemon does not answer"))
		return null
	var timing = yield(_asked("/v1/jobs/%d/timing" % job.job), "completed")
	var sound = yield(_bytes("/v1/jobs/%d/stems/mix.wav" % job.job), "completed")
	if not timing or sound == null:
		return null
	return Piece.new(sound, timing.bar_frames)


func _asked(path, method = HTTPClient.METHOD_GET, body = null):
	var data = yield(_bytes(path, method, body), "completed")
	return JSON.parse(data.get_string_from_utf8()).result if data != null else null


func _bytes(path, method = HTTPClient.METHOD_GET, body = null):
	var headers = ["Content-Type: application/json"] if body else []
	var error = request(address + path, headers, true, method, JSON.print(body) if body else "")
	if error != OK:
		push_error("%s cannot be asked: error %d" % [path, error])
		yield(get_tree(), "idle_frame")
		return null
	var answer = yield(self, "request_completed")  # result, status, headers, body
	if answer[0] != RESULT_SUCCESS or answer[1] >= 300:
		push_error("%s: %d %s" % [path, answer[1], answer[3].get_string_from_utf8()])
		return null
	return answer[3]
