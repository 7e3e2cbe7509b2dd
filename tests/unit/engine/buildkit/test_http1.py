import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelarts_nb.engine.buildkit.http1 import HttpError, Response, request

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n"
)


def pieces(data, cuts):
    ends = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(ends)]


@given(st.lists(st.integers(0, len(CHUNKED)), max_size=30))
def test_a_chunked_answer_is_the_same_however_it_is_cut(cuts):
    response = Response()
    assert b"".join(response.feed(piece) for piece in pieces(CHUNKED, cuts)) == b"hello world"
    assert response.complete
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"


def test_a_length_ends_the_body():
    response = Response()
    assert response.feed(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nab") == b"ab"
    assert not response.complete
    assert response.feed(b"c") == b"c"
    assert response.complete


def test_without_a_length_the_connections_end_is_the_bodys():
    response = Response()
    assert response.feed(b"HTTP/1.0 200 OK\r\n\r\nall of it") == b"all of it"
    assert not response.complete
    response.closed()
    assert response.complete


@pytest.mark.parametrize("start", [
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
])
def test_a_body_that_is_cut_off_is_not_complete(start):
    response = Response()
    response.feed(start)
    response.closed()
    assert not response.complete


def test_after_101_the_rest_is_the_other_protocols():
    response = Response()
    assert response.feed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nPRI * HTTP") == b"PRI * HTTP"
    assert not response.complete


def test_100_is_not_the_answer():
    response = Response()
    response.feed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert response.status == 204
    assert response.complete


@pytest.mark.parametrize("answer", [
    b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 70_000,
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000,
])
def test_what_is_no_http_is_an_error(answer):
    with pytest.raises(HttpError):
        Response().feed(answer)


@given(st.binary(max_size=200))
def test_any_answer_is_read_or_refused(data):
    response = Response()
    try:
        response.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    except HttpError:
        return
    response.closed()


def test_a_request_has_its_headers_and_no_line_breaks_in_them():
    assert request("POST", "/x?y=1", [("A", "1"), ("A", "2")]) == b"POST /x?y=1 HTTP/1.1\r\nA: 1\r\nA: 2\r\n\r\n"
    with pytest.raises(ValueError, match="line break"):
        request("POST", "/", [("A", "1\r\nEvil: 2")])


@given(st.lists(st.integers(0, len(CHUNKED)), max_size=30))
def test_pieces_are_the_same_without_a_copy(cuts):
    response, body = Response(), b""
    for start, end in itertools.pairwise([0, *sorted(cuts), len(CHUNKED)]):
        for piece in response.pieces(CHUNKED[start:end]):
            body += piece
    whole = Response()
    assert body == whole.feed(CHUNKED)
    assert response.complete


@pytest.mark.parametrize("size", [1, 31, 32, 33, 40_000])
def test_pieces_of_many_chunks(size):
    chunks = [bytes([number % 251]) * (number * 37 % 5000 + 1) for number in range(60)]
    stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    stream += b"".join(b"%x;extension=%d\r\n%b\r\n" % (len(chunk), number, chunk) for number, chunk in enumerate(chunks))
    stream += b"0\r\n\r\n"
    response = Response()
    read = b"".join(piece for at in range(0, len(stream), size) for piece in response.pieces(stream[at : at + size]))
    assert read == b"".join(chunks)
    assert response.complete


def test_pieces_of_a_body_with_a_length_and_without():
    response = Response()
    assert b"".join(response.pieces(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")) == b"ab"
    assert b"".join(response.pieces(b"cde")) == b"cde"
    assert response.complete
    response = Response()
    assert b"".join([*response.pieces(b"HTTP/1.1 200 OK\r\n\r\n"), *response.pieces(b"abc")]) == b"abc"
    response.closed()
    assert response.complete


def test_pieces_of_no_chunks_are_an_error():
    response = Response()
    with pytest.raises(HttpError):
        list(response.pieces(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")) + list(response.pieces(b"zz\r\n"))
