"""The Engine's side of a session, in memory: gRPC calls over python-hyper's HTTP/2, which judges every frame of ours."""

from urllib.parse import unquote

import h2.config
import h2.connection
import h2.events
import h2.settings

from modelarts_nb.engine.buildkit.grpc import framed


class Answer:
    """What came back of one call."""

    def __init__(self):
        self.headers, self.trailers, self.data = {}, {}, bytearray()
        self.ended = self.reset = False

    @property
    def messages(self):
        found, position = [], 0
        while position + 5 <= len(self.data):
            size = int.from_bytes(self.data[position + 1 : position + 5], "big")
            if position + 5 + size > len(self.data):
                break
            found.append(bytes(self.data[position + 5 : position + 5 + size]))
            position += 5 + size
        return found

    @property
    def status(self):
        said = {**self.headers, **self.trailers}
        return int(said[b"grpc-status"]) if b"grpc-status" in said else None

    @property
    def message(self):
        return unquote({**self.headers, **self.trailers}.get(b"grpc-message", b"").decode())


class EnginePeer:
    """An HTTP/2 client for one ``grpc.Server``. ``step`` is how many bytes go over at a time; ``grant``: open windows."""

    def __init__(self, server, *, step=0, grant=True, window=None):
        self.server = server
        self.step = step
        self.grant = grant
        self.answers = {}
        self.sent = bytearray()  # all that the Engine said
        self.goaway = None
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        self._h2.initiate_connection()
        if window is not None:
            self._h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})

    def call(self, path, *messages, metadata=(), end=True):
        """Begin a call; returns its stream."""
        stream = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream, [
            (b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()), (b":authority", b"localhost"),
            (b"content-type", b"application/grpc"), (b"te", b"trailers"),
            *((name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in metadata),
        ])
        self.answers[stream] = Answer()
        for message in messages:
            self.say(stream, message)
        if end:
            self.end(stream)
        self.pump()
        return stream

    def say(self, stream, message):
        self.say_raw(stream, framed(message))

    def say_raw(self, stream, data):
        while data:
            size = min(len(data), 16384, self._h2.local_flow_control_window(stream))
            if not size:
                self.pump()
                assert self._h2.local_flow_control_window(stream), "the server granted no window"
                continue
            self._h2.send_data(stream, data[:size])
            data = data[size:]

    def end(self, stream):
        self._h2.end_stream(stream)

    def reset(self, stream):
        self._h2.reset_stream(stream)
        self.pump()

    def ping(self):
        self._h2.ping(b"12345678")

    def allow(self, stream, size):
        self._h2.increment_flow_control_window(size, stream)
        self._h2.increment_flow_control_window(size)
        self.pump()

    def pump(self, limit=100_000):
        """Exchange bytes until neither side has anything to say."""
        for _ in range(limit):
            ours = self._h2.data_to_send()
            self.sent += ours
            for piece in self._pieces(ours):
                self.server.feed(piece)
            theirs = b"".join(self.server.pull())
            for piece in self._pieces(theirs):
                self._take(self._h2.receive_data(piece))
            if not ours and not theirs:
                return
        raise AssertionError("the two never stop talking")

    def _pieces(self, data):
        step = self.step or len(data) or 1
        return [data[i : i + step] for i in range(0, len(data), step)]

    def _take(self, events):
        for event in events:
            answer = self.answers.get(getattr(event, "stream_id", None))
            match event:
                case h2.events.ResponseReceived():
                    answer.headers = dict(event.headers)
                case h2.events.TrailersReceived():
                    answer.trailers = dict(event.headers)
                case h2.events.DataReceived():
                    answer.data += event.data
                    if self.grant:
                        self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    answer.ended = True
                case h2.events.StreamReset():
                    answer.reset = True
                case h2.events.ConnectionTerminated():
                    self.goaway = event
