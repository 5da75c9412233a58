"""As much of CBOR (RFC 8949) as CloudWatch's protocol uses: for tests that speak it by hand."""

import struct


class Tagged:
    def __init__(self, tag, value):
        self.tag, self.value = tag, value


def _head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for code, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        try:
            return bytes([major << 5 | code]) + struct.pack(form, number)
        except struct.error:
            continue
    raise ValueError(number)


def encode(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, Tagged):
        return _head(6, value.tag) + encode(value.value)
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    return _head(4, len(value)) + b"".join(map(encode, value))


_BREAK = object()


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def items(self, count):
        """Up to a break when count is None."""
        while count is None or count > 0:
            item = self.item()
            if item is _BREAK:
                return
            yield item
            count = count and count - 1

    def item(self):
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if major == 7:
            if low in (25, 26, 27):
                form, size = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}[low]
                return struct.unpack(form, self.take(size))[0]
            return {20: False, 21: True, 22: None, 31: _BREAK}[low]
        number = None if low == 31 else low if low < 24 else int.from_bytes(
            self.take(1 << low - 24), "big")
        if major == 0:
            return number
        if major == 1:
            return -1 - number
        if major == 3:
            return self.take(number).decode()
        if major == 4:
            return list(self.items(number))
        if major == 5:
            flat = list(self.items(number and 2 * number))
            return dict(zip(flat[::2], flat[1::2]))
        return Tagged(number, self.item())


def decode(data):
    reader = _Reader(data)
    value = reader.item()
    assert reader.at == len(data), "there is more"
    return value
