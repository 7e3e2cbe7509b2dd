"""HTTP/2 and gRPC: against python-hyper as the other side, and against bytes that nobody should send."""

import struct

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelarts_nb.engine.buildkit import grpc, http2
from modelarts_nb.engine.buildkit.grpc import Call, Client, ClientCall, Metadata, Server, StatusError, Unary, framed
from modelarts_nb.engine.buildkit.http2 import PREFACE, Connection, ProtocolError

from .peers import EnginePeer


class Echo(Call):
    """Says every message back, and ends when the peer does."""

    def __init__(self):
        super().__init__()
        self.queue, self.reasons = [], []

    def received(self, message):
        self.queue.append(framed(message))
        self.wake()

    def ended(self):
        self.finish()

    def dropped(self, reason):
        self.reasons.append(reason)

    def batch(self):
        return [self.queue.pop(0)] if self.queue else None


class Endless(Call):
    """Has always more to say, out of a single buffer."""

    def __init__(self):
        super().__init__()
        self.buffer = bytearray(50_000)
        self.batches = 0

    def batch(self):
        self.batches += 1
        self.buffer[:] = framed(bytes([self.batches % 256]) * (len(self.buffer) - 5))
        return [memoryview(self.buffer)]


def refuse(_):
    raise StatusError(grpc.NOT_FOUND, "nicht da: 100% ünï\n")


def echo_server(calls=None):
    def echo(_):
        call = Echo()
        if calls is not None:
            calls.append(call)
        return call

    return Server({
        "/t.T/Echo": echo, "/t.T/Upper": lambda _: Unary(bytes.upper), "/t.T/Endless": lambda _: Endless(),
        "/t.T/Refuse": refuse, "/t.T/Broken": lambda _: Unary(lambda raw: 1 / 0),
    })


def test_a_unary_call_is_answered():
    peer = EnginePeer(echo_server())
    stream = peer.call("/t.T/Upper", b"hello")
    answer = peer.answers[stream]
    assert answer.messages == [b"HELLO"]
    assert answer.headers[b":status"] == b"200"
    assert answer.headers[b"content-type"] == b"application/grpc"
    assert answer.status == 0
    assert answer.ended


@given(st.lists(st.binary(max_size=40_000), max_size=5), st.integers(1, 3000))
@settings(max_examples=25, deadline=None)
def test_messages_come_back_however_the_bytes_are_cut(messages, step):
    peer = EnginePeer(echo_server(), step=step)
    stream = peer.call("/t.T/Echo", *messages)
    assert peer.answers[stream].messages == messages
    assert peer.answers[stream].status == 0


def test_every_byte_may_come_alone():
    peer = EnginePeer(echo_server(), step=1)
    assert peer.answers[peer.call("/t.T/Echo", b"a" * 300, b"")].messages == [b"a" * 300, b""]


@pytest.mark.parametrize(("path", "code", "words"), [
    ("/t.T/Nothing", grpc.UNIMPLEMENTED, "unknown method /t.T/Nothing"),
    ("/t.T/Refuse", grpc.NOT_FOUND, "nicht da: 100% ünï\n"),
    ("/t.T/Broken", grpc.INTERNAL, "ZeroDivisionError"),
])
def test_a_call_that_fails_says_why(path, code, words):
    peer = EnginePeer(echo_server())
    answer = peer.answers[peer.call(path, b"x")]
    assert (answer.status, answer.message) == (code, words)
    assert answer.ended


@pytest.mark.parametrize(("raw", "code"), [
    (b"\1\0\0\0\1x", grpc.UNIMPLEMENTED), (b"\0\xff\xff\xff\xffx", grpc.RESOURCE_EXHAUSTED), (b"\0\0\0\0\5abc", grpc.INTERNAL),
    (framed(b"a") + framed(b"b"), grpc.OK), (b"", grpc.INVALID_ARGUMENT),
])
def test_messages_that_break_the_rules_end_their_call_alone(raw, code):
    peer = EnginePeer(echo_server())
    stream = peer.call("/t.T/Upper", end=False)
    peer.say_raw(stream, raw)
    peer.end(stream)
    peer.pump()
    assert peer.answers[stream].status == code
    assert peer.answers[peer.call("/t.T/Upper", b"next")].messages == [b"NEXT"]


def test_nothing_is_sent_beyond_what_was_granted_and_other_calls_go_on_meanwhile():
    server = echo_server()
    peer = EnginePeer(server, grant=False)
    stalled = peer.call("/t.T/Endless")
    assert len(peer.answers[stalled].data) == 65535
    peer.ping()
    peer.pump()
    peer._h2.increment_flow_control_window(100_000)  # of the connection alone
    assert peer.answers[peer.call("/t.T/Upper", b"alive")].messages == [b"ALIVE"]
    assert len(peer.answers[stalled].data) == 65535
    peer.allow(stalled, 10)
    assert len(peer.answers[stalled].data) == 65545
    assert [m[0] for m in peer.answers[stalled].messages] == [1]


def test_a_stalled_answer_ends_with_its_stream_and_asks_for_no_more():
    server = echo_server()
    peer = EnginePeer(server, grant=False)
    stalled = peer.call("/t.T/Endless", end=False)
    peer.reset(stalled)
    assert server.pull() == []


def test_a_buffer_is_asked_for_again_only_after_it_was_sent():
    peer = EnginePeer(echo_server(), grant=False, window=1_000_000)
    stream = peer.call("/t.T/Endless")
    peer._h2.increment_flow_control_window(900_000)
    peer.pump()
    messages = peer.answers[stream].messages
    assert len(messages) > 15
    assert all(set(message) == {number + 1} for number, message in enumerate(messages))


def test_a_smaller_window_in_the_settings_takes_back_what_was_granted():
    peer = EnginePeer(echo_server(), grant=False, window=1000)
    stream = peer.call("/t.T/Endless")
    assert len(peer.answers[stream].data) == 1000


def test_a_reset_or_lost_connection_is_told_to_the_call():
    calls = []
    server = echo_server(calls)
    peer = EnginePeer(server)
    peer.reset(peer.call("/t.T/Echo", b"x", end=False))
    peer.call("/t.T/Echo", b"x", end=False)
    server.lost("cut off")
    assert [call.reasons for call in calls] == [["given up by the peer (code 0)"], ["cut off"]]


def test_a_deferred_answer_comes_when_its_job_is_done():
    jobs = []
    server = Server({"/t.T/Slow": lambda _: Unary(bytes.upper, jobs.append)})
    peer = EnginePeer(server)
    slow, gone = peer.call("/t.T/Slow", b"one"), peer.call("/t.T/Slow", b"two", end=False)
    peer.reset(gone)
    assert peer.answers[slow].status is None
    for job in jobs:
        job.run()
        job.settle()
    peer.pump()
    assert peer.answers[slow].messages == [b"ONE"]


def test_very_many_streams_at_once_are_refused():
    server = echo_server()
    encoder = hpack.Encoder()
    server.feed(PREFACE + frame(http2.SETTINGS))
    for number in range(http2.MAX_STREAMS + 5):
        block = encoder.encode([(":method", "POST"), (":path", "/t.T/Echo")])
        server.feed(frame(http2.HEADERS, http2.END_HEADERS, 2 * number + 1, block))
    said = frames(b"".join(server.pull()))
    refused = [stream for kind, _, stream, payload in said if kind == http2.RST_STREAM and payload[3] == http2.REFUSED]
    assert refused == [2 * n + 1 for n in range(http2.MAX_STREAMS, http2.MAX_STREAMS + 5)]


def test_long_metadata_arrive_whole():
    seen = []
    server = Server({"/t.T/Meta": lambda metadata: seen.append(metadata) or Unary(bytes.upper)})
    patterns = [f"pattern/number/{n}/{'x' * 50}" for n in range(3000)]
    EnginePeer(server).call("/t.T/Meta", b"", metadata=[("exclude-patterns", p) for p in patterns])
    assert seen[0].all("exclude-patterns") == patterns


def test_escaped_and_binary_metadata():
    metadata = Metadata.of([(b"a", b"%C3%BC+x"), (b"a-encoded", b"1"), (b"b", b"%41"), (b"c", b"\xff")])
    assert metadata.all("a") == ["ü x"]
    assert metadata.first("b") == "%41"
    assert metadata.first("c") == "\udcff"
    assert metadata.first("none") == ""


# -- what nobody should send ------------------------------------------------------------------------------------------


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">L", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">L", stream) + payload


def frames(data):
    found = []
    while data:
        size = int.from_bytes(data[:3], "big")
        found.append((data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + size]))
        data = data[9 + size :]
    return found


REQUEST = hpack.Encoder().encode([(":method", "POST"), (":path", "/t.T/Echo")])
OPEN = frame(http2.HEADERS, http2.END_HEADERS, 1, REQUEST)


@pytest.mark.parametrize(("sent", "code"), [
    (b"GET / HTTP/1.1\r\n", http2.PROTOCOL),
    (PREFACE + frame(http2.PING, payload=b"x" * 8), http2.PROTOCOL),
    (frame(http2.SETTINGS, payload=b"12345"), http2.FRAME_SIZE),
    (frame(http2.SETTINGS, http2.ACK, payload=b"123456"), http2.FRAME_SIZE),
    (frame(http2.SETTINGS, stream=1), http2.PROTOCOL),
    (frame(http2.SETTINGS, payload=struct.pack(">HL", 4, 2**31)), http2.FLOW_CONTROL),
    (frame(http2.SETTINGS, payload=struct.pack(">HL", 5, 100)), http2.PROTOCOL),
    (frame(http2.PING, payload=b"short"), http2.FRAME_SIZE),
    (frame(http2.DATA, stream=0), http2.PROTOCOL),
    (frame(http2.DATA, stream=1, payload=b"x"), http2.PROTOCOL),
    (frame(http2.HEADERS, http2.END_HEADERS, 2, REQUEST), http2.PROTOCOL),
    (frame(http2.HEADERS, http2.END_HEADERS, 1, b"\x80\xff\xff\xff"), http2.COMPRESSION),
    (frame(http2.HEADERS, http2.PADDED | http2.END_HEADERS, 1, b"\xff" + REQUEST), http2.PROTOCOL),
    (frame(http2.HEADERS, http2.WITH_PRIORITY | http2.END_HEADERS, 1, b"x"), http2.FRAME_SIZE),
    (frame(http2.HEADERS, 0, 1, REQUEST) + frame(http2.PING, payload=b"x" * 8), http2.PROTOCOL),
    (frame(http2.HEADERS, 0, 1, REQUEST) + frame(http2.CONTINUATION, 0, 3), http2.PROTOCOL),
    (frame(http2.CONTINUATION, 0, 1), http2.PROTOCOL),
    (frame(http2.RST_STREAM, 0, 1, b"1234"), http2.PROTOCOL),
    (OPEN + frame(http2.RST_STREAM, 0, 1, b"1"), http2.FRAME_SIZE),
    (frame(http2.WINDOW_UPDATE, 0, 0, b"\0\0\0\0"), http2.PROTOCOL),
    (frame(http2.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"), http2.FLOW_CONTROL),
    (OPEN + frame(http2.WINDOW_UPDATE, 0, 1, b"\x7f\xff\xff\xff"), http2.FLOW_CONTROL),
    (frame(http2.WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), http2.PROTOCOL),
    (frame(http2.WINDOW_UPDATE, 0, 0, b"\1"), http2.FRAME_SIZE),
    (frame(http2.PUSH_PROMISE, 0, 1, b"\0\0\0\2"), http2.PROTOCOL),
    (frame(http2.GOAWAY, 0, 0, b"\0"), http2.FRAME_SIZE),
    (b"\xff\xff\xff" + bytes(6), http2.FRAME_SIZE),
])
def test_what_breaks_the_protocol_ends_the_connection_with_its_code(sent, code):
    calls = []
    server = echo_server(calls)
    server.feed(b"")
    with pytest.raises(ProtocolError):
        server.feed(sent if sent[:3] in (b"GET", b"PRI") else PREFACE + frame(http2.SETTINGS) + sent)
    kind, _, _, payload = frames(b"".join(server.pull()))[-1]
    assert kind == http2.GOAWAY
    assert int.from_bytes(payload[4:8], "big") == code
    assert server.pull() == []
    assert all(call.reasons for call in calls)


def test_more_data_than_was_granted_ends_the_connection():
    server = echo_server()
    server.feed(PREFACE + frame(http2.SETTINGS) + OPEN)
    server.connection.hold(server.connection._streams[1])
    granted = http2.OUR_WINDOW // 16384
    for _ in range(granted):
        server.feed(frame(http2.DATA, 0, 1, framed(bytes(16379))))
    with pytest.raises(ProtocolError, match="more data than was granted"):
        server.feed(frame(http2.DATA, 0, 1, b"x"))


def test_answers_that_nobody_reads_do_not_pile_up():
    server = echo_server()
    server.feed(PREFACE + frame(http2.SETTINGS))
    for _ in range(100_000):
        if server.connection.flooded:
            break
        server.feed(frame(http2.PING, payload=b"x" * 8))
    assert server.connection.flooded
    server.pull()
    assert not server.connection.flooded


def test_frames_of_unknown_types_and_for_closed_streams_are_ignored():
    server = echo_server()
    server.feed(PREFACE + frame(http2.SETTINGS) + frame(99, 0, 7, b"?") + OPEN + frame(http2.RST_STREAM, 0, 1, b"\0\0\0\x08"))
    server.feed(frame(http2.DATA, 0, 1, b"late") + frame(http2.WINDOW_UPDATE, 0, 1, b"\0\0\0\1"))
    server.feed(frame(http2.PRIORITY, 0, 1, b"x" * 5))
    server.feed(frame(http2.HEADERS, http2.END_HEADERS, 1, REQUEST) + frame(http2.RST_STREAM, 0, 1, b"\0\0\0\x08"))
    peer_ping = frame(http2.PING, payload=b"12345678")
    server.feed(peer_ping)
    assert frames(b"".join(server.pull()))[-1] == (http2.PING, http2.ACK, 0, b"12345678")


def transcript():
    """A valid conversation's bytes from the Engine's side."""
    peer = EnginePeer(echo_server())
    peer.call("/t.T/Echo", b"one", b"two" * 1000)
    peer.call("/t.T/Upper", b"three")
    peer.reset(peer.call("/t.T/Echo", b"x", end=False))
    return bytes(peer.sent)


TRANSCRIPT = transcript()


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_conversation_with_wrong_bytes_ends_in_a_protocol_error_or_not_at_all(data):
    raw = bytearray(TRANSCRIPT)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    calls = []
    server = echo_server(calls)
    try:
        for begin in range(0, len(raw), 100):
            server.feed(bytes(raw[begin : begin + 100]))
            server.pull()
    except ProtocolError:
        assert frames(b"".join(server.pull()))[-1][0] == http2.GOAWAY
    server.lost()
    assert all(call.reasons or call.status for call in calls)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_after_the_greeting_are_taken_or_refused(raw):
    for connection, hello in (
        (Connection(client=False), PREFACE + frame(http2.SETTINGS)), (Connection(client=True), frame(http2.SETTINGS)),
    ):
        connection.receive(hello)
        try:
            connection.receive(raw)
        except ProtocolError:
            assert connection.broken
        connection.pull()


def test_a_connection_cut_at_any_byte_leaves_no_call_without_an_end():
    for end in range(0, len(TRANSCRIPT), 7):
        calls = []
        server = echo_server(calls)
        server.feed(TRANSCRIPT[:end])
        server.pull()
        server.lost("cut off")
        assert all(call.reasons or call.status for call in calls)


# -- the client's side ------------------------------------------------------------------------------------------------


class Asked(ClientCall):
    def __init__(self, request=None):
        super().__init__(request)
        self.messages, self.ends, self.reasons = [], [], []

    def received(self, message):
        self.messages.append(message)

    def completed(self, outcome):
        self.ends.append(outcome)

    def dropped(self, reason):
        self.reasons.append(reason)


def converse(client, server, limit=1000):
    for _ in range(limit):
        ours, theirs = b"".join(client.pull()), b"".join(server.pull())
        if not ours and not theirs:
            return
        server.feed(ours)
        client.feed(theirs)


def test_a_client_gets_messages_status_and_details():
    client, server = Client(), echo_server()
    good, bad, none = Asked(b"hello"), Asked(b"x"), Asked(b"x")
    for path, call in (("/t.T/Upper", good), ("/t.T/Refuse", bad), ("/t.T/Nothing", none)):
        client.start(path, call, [(b"x-key", b"value")])
    converse(client, server)
    assert good.messages == [b"HELLO"]
    assert [(e.code, e.message) for e in good.ends + bad.ends] == [(0, ""), (grpc.NOT_FOUND, "nicht da: 100% ünï\n")]
    assert none.ends[0].code == grpc.UNIMPLEMENTED


@pytest.mark.parametrize(("headers", "code"), [
    ([(":status", "503")], grpc.UNAVAILABLE),
    ([(":status", "200"), ("content-type", "application/grpc")], grpc.INTERNAL),
    ([(":status", "200"), ("grpc-status", "abc")], grpc.UNKNOWN),
    ([(":status", "200"), ("grpc-status", "5"), ("grpc-status-details-bin", "!!")], 5),
])
def test_answers_without_a_proper_status_are_errors(headers, code):
    client = Client()
    call = Asked(b"x")
    client.start("/t.T/X", call)
    client.pull()
    block = hpack.Encoder().encode(headers)
    client.feed(frame(http2.SETTINGS) + frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, 1, block))
    assert [end.code for end in call.ends] == [code]


def test_a_held_stream_gets_no_more_than_was_granted_and_goes_on_when_released():
    client, server = Client(), Server({"/t.T/Endless": lambda _: Endless()})
    call = Asked(b"x")
    stream = client.start("/t.T/Endless", call)
    client.connection.hold(stream)
    converse(client, server)
    held = sum(map(len, call.messages))
    assert http2.OUR_WINDOW - 60_000 < held <= http2.OUR_WINDOW
    client.connection.release(stream)
    converse(client, server, limit=100)
    assert sum(map(len, call.messages)) > held
    client.cancel(stream)
    converse(client, server)


def test_calls_are_told_when_the_connection_is_gone_or_the_peer_gives_up():
    client = Client()
    first, second = Asked(b"x"), Asked(b"y")
    client.start("/t.T/A", first)
    client.start("/t.T/B", second)
    client.feed(frame(http2.SETTINGS) + frame(http2.RST_STREAM, 0, 1, b"\0\0\0\2"))
    client.feed(frame(http2.GOAWAY, 0, 0, b"\0\0\0\3\0\0\0\0bye"))
    client.lost("gone")
    assert first.reasons == ["given up by the peer (code 2)"]
    assert second.reasons == ["gone"]
    assert client.gone_away == "bye (code 0)"


def test_long_strings_and_blocks_are_encoded_as_hpack_wants():
    headers = [(b"a", b"x" * size) for size in (0, 1, 126, 127, 128, 254, 255, 20_000)]
    assert [tuple(f) for f in hpack.Decoder().decode(http2.literal_headers(headers), raw=True)] == headers
    connection = Connection(client=True)
    connection.open(headers, Echo())
    kinds = [kind for kind, *_ in frames(b"".join(connection.pull())[len(PREFACE) :])]
    assert kinds[-2:] == [http2.HEADERS, http2.CONTINUATION]
