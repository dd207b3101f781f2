#!/usr/bin/env python3
"""Deposits money into an account of a running Aether program, hears the event, reads the history.

    bank.py HOST:PORT NAMESPACE ACCOUNT CENTS [USER PASSWORD]

Needs Python and msgpack (Debian: python3-msgpack), and nothing of Aether: what it knows is in
docs/formats.md, whose sections the comments name.
"""

import base64
import json
import os
import socket
import sys
import time

import msgpack

PREFIX = "aether"
TYPE = "account"
TRIES_MAX = 50
MASK = (1 << 64) - 1


class Nats:
    """As much of the NATS client protocol as this needs: one request at a time."""

    def __init__(self, address, inbox, user=None, password=None):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.stream = self.socket.makefile("rb")
        self.inbox = f"{inbox}.{os.urandom(8).hex()}"
        self.other = []
        assert self.stream.readline().startswith(b"INFO ")
        about = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}
        if user:
            about.update(user=user, **{"pass": password})
        self.send(f"CONNECT {json.dumps(about)}\r\n".encode())
        self.subscribe(self.inbox + ".*", "inbox")

    def send(self, data):
        self.socket.sendall(data)

    def subscribe(self, subject, name):
        """Returns once the server listens for us."""
        self.send(f"SUB {subject} {name}\r\nPING\r\n".encode())
        while (line := self.stream.readline()).strip() != b"PONG":
            self.no_error(line)

    def no_error(self, line):
        if line.startswith(b"-ERR") or not line:
            raise RuntimeError(line.decode() or "the server has gone")

    def next(self):
        """Returns (subscription, headers, payload) of the next message."""
        while True:
            line = self.stream.readline()
            word, *rest = line.decode().split()
            if word == "PING":
                self.send(b"PONG\r\n")
            elif word == "MSG":
                payload = self.stream.read(int(rest[-1]) + 2)[:-2]
                return rest[1], {}, payload
            elif word == "HMSG":
                head, whole = int(rest[-2]), int(rest[-1])
                data = self.stream.read(whole + 2)[:-2]
                return rest[1], parse_headers(data[:head]), data[head:]
            else:
                self.no_error(line)

    def request(self, subject, payload=b"", headers=None):
        reply_to = f"{self.inbox}.{os.urandom(4).hex()}"
        if headers:
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            head = f"NATS/1.0\r\n{lines}\r\n".encode()
            size = f"{len(head)} {len(head) + len(payload)}"
            self.send(f"HPUB {subject} {reply_to} {size}\r\n".encode() + head + payload + b"\r\n")
        else:
            self.send(f"PUB {subject} {reply_to} {len(payload)}\r\n".encode() + payload + b"\r\n")
        while True:
            name, found, data = self.next()
            if name == "inbox":
                return found, data
            self.other.append((found, data))

    def event(self):
        """The next message of another subscription."""
        return self.other.pop(0) if self.other else self.next()[1:]


def parse_headers(block):
    first, *lines = block.decode().split("\r\n")
    found = {"status": first.removeprefix("NATS/1.0").strip().split(" ")[0]}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            found[name] = value.strip()
    return found


def token(text):
    """Ids in subjects."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
    return "".join(chr(b) if b in plain else f"={b:02X}" for b in text.encode())


def shard_of(kind, name, shards):
    """Shards."""
    h = 0xCBF29CE484222325
    for b in kind.encode() + b"\0" + name.encode():
        h = ((h ^ b) * 0x100000001B3) & MASK
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & MASK
    return (h ^ (h >> 31)) % shards


def uuid7():
    """Ids in subjects: 48 bits of milliseconds, version 7, variant 10, the rest at random."""
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return bytes(raw)


def settings(nats, namespace):
    """Keys: how many shards and streams the namespace has."""
    bucket = f"{PREFIX}_{namespace}"
    query = json.dumps({"last_by_subj": f"$KV.{bucket}.settings"}).encode()
    _, answer = nats.request(f"$JS.API.STREAM.MSG.GET.KV_{bucket}", query)
    return msgpack.unpackb(base64.b64decode(json.loads(answer)["message"]["data"]))


def ask(nats, namespace, shard, name, command, fields):
    """Commands and answers: the same id for every attempt."""
    headers = {
        "Aether-Format": "1",
        "Aether-Actor-Type": TYPE,
        "Aether-Actor-Id": token(name),
        "Aether-Command": command,
        "Aether-Command-Id": uuid7().hex(),
        "Aether-Timeout-Ms": "5000",
    }
    for _ in range(TRIES_MAX):
        found, answer = nats.request(
            f"{PREFIX}.{namespace}.cmd.{shard}.{TYPE}", msgpack.packb(fields), headers)
        error = found.get("Aether-Error")
        if found.get("status") != "503" and error not in ("10", "12"):
            break
        headers["Aether-Repeated"] = "1"
        time.sleep(0.1)
    if error or found.get("status") == "503":
        raise RuntimeError(f"{command}: {error} {answer.decode()}")
    return msgpack.unpackb(answer) if answer else None


def history(nats, namespace, stream, subject):
    """Reading a history with any client."""
    sequence, version = 1, 0
    while True:
        query = json.dumps({"seq": sequence, "next_by_subj": subject}).encode()
        found, payload = nats.request(f"$JS.API.DIRECT.GET.{PREFIX}_{namespace}_EVT_{stream}", query)
        if found["status"] == "404":
            return
        commit = msgpack.unpackb(payload)
        if commit["v"] != 1 or commit["first"] != version + 1:
            raise RuntimeError(f"version {commit['first']} follows {version}")
        for event in commit["events"]:
            version += 1
            yield version, event["type"], event["data"]
        sequence = int(found["Nats-Sequence"]) + 1


def main(address, namespace, name, cents, *user):
    nats = Nats(address, f"{PREFIX}.{namespace}.inbox", *user)
    of = settings(nats, namespace)
    shard = shard_of(TYPE, name, of["shards"])
    stream = shard * of["streams"] // of["shards"]
    place = f"{shard}.{TYPE}.{token(name)}"
    nats.subscribe(f"{PREFIX}.{namespace}.bus.{place}", "bus")

    balance = ask(nats, namespace, shard, name, "bank.deposit", {"cents": int(cents)})
    print("reply", json.dumps(balance))
    _, commit = nats.event()
    for event in msgpack.unpackb(commit)["events"]:
        print("event", event["type"], json.dumps(event["data"]))
    for version, kind, data in history(nats, namespace, stream, f"{PREFIX}.{namespace}.evt.{place}"):
        print("history", version, kind, json.dumps(data))


if __name__ == "__main__":
    if len(sys.argv) not in (5, 7):
        sys.exit(__doc__)
    main(*sys.argv[1:])
