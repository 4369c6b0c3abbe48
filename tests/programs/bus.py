# SPDX-License-Identifier: Apache-2.0
"""As much of the D-Bus protocol as a client needs that passes a descriptor to another one."""
import array
import os
import socket
import struct

CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""


def padded(data, to):
    return data + b"\0" * (-len(data) % to)


def text(value):
    data = value.encode()
    return struct.pack("<I", len(data)) + data + b"\0"


def header_field(code, signature, value):
    field = bytes([code]) + bytes([len(signature)]) + signature.encode() + b"\0"
    if signature in "so":
        return padded(field, 4) + text(value)
    if signature == "g":
        return field + bytes([len(value)]) + value.encode() + b"\0"
    return padded(field, 4) + struct.pack("<I", value)


def call(serial, destination, path, interface, member, signature="", body=b"", fds=0):
    fields = [(1, "o", path), (2, "s", interface), (3, "s", member), (6, "s", destination)]
    if signature:
        fields.append((8, "g", signature))
    if fds:
        fields.append((9, "u", fds))
    all_fields = b""
    for code, kind, value in fields:
        all_fields = padded(all_fields, 8) + header_field(code, kind, value)
    head = struct.pack("<cBBBIII", b"l", 1, 0, 1, len(body), serial, len(all_fields))
    return padded(head + all_fields, 8) + body


class Client:
    """A connection to the bus that remembers all that it sent and received."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.sent = self.received = b""
        self.fds = []
        self.send(b"\0")
        self.send(b"AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        assert self.line().startswith(b"OK ")
        self.send(b"NEGOTIATE_UNIX_FD\r\n")
        assert self.line() == b"AGREE_UNIX_FD\r\n"
        self.send(b"BEGIN\r\n")
        self.send(call(1, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello"))
        reply = self.until(b"NameAcquired")
        at = reply.index(b":1.")
        self.name = reply[at:reply.index(b"\0", at)].decode()

    def send(self, data, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        assert self.socket.sendmsg([data], ancillary) == len(data)
        self.sent += data

    def some(self):
        data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(16))
        assert data, "the bus closed the connection"
        self.received += data
        for _, _, passed in ancillary:
            self.fds += array.array("i", passed)
        return data

    def line(self):
        return self.until(b"\r\n")

    def until(self, end):
        data = b""
        while end not in data:
            data += self.some()
        return data
