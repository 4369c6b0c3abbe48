# SPDX-License-Identifier: Apache-2.0
"""Real programs, traced while they work, compared with what they themselves say of it."""
import array
import os
import re
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True  # run as root, and the tree may be another user's

from bus import CONFIGURATION, Client, call
from tracing import Skip, delivered, equal, folder, main, need, payload, payloads, running, until

RECEIVES = ("recvmsg", "recvmmsg", "recvfrom", "read", "readv")
SENDS = ("sendmsg", "sendmmsg", "sendto", "write", "writev", "sendfile")


def test_dbus(trace):
    """A client passes a file to another one through dbus-daemon."""
    daemon = need("dbus-daemon")
    with folder() as here:
        path = here + "/bus"
        with open(here + "/bus.conf", "w") as file:
            file.write(CONFIGURATION.format(path=path))
        with running([daemon, "--nofork", "--nopidfile", "--config-file", here + "/bus.conf"]) as server:
            until(lambda: os.path.exists(path), "the bus")
            with trace("all", server.pid) as seen:
                giver, taker = Client(path), Client(path)
                with open(here + "/passed", "w+") as file:
                    inode = os.fstat(file.fileno()).st_ino
                    giver.send(call(2, taker.name, "/x", "x.y", "Take", "h", struct.pack("<I", 0), 1),
                               [file.fileno()])
                    until(lambda: taker.some() and taker.fds, "the descriptor")
                equal(os.fstat(taker.fds[0]).st_ino, inode, "the file that the client got")
        arrived = seen.of("fd_received")
        equal([record["args"]["file"]["inode"] for record in arrived], [str(inode)], "files given to the bus")
        equal(arrived[0]["args"]["file"]["path"], here + "/passed", "its path")
        equal([sender["pid"] for sender in arrived[0]["senders"]], [os.getpid()], "who gave it")
        streams = {}
        for record in seen.of(*RECEIVES, socket__family="AF_UNIX"):
            if record["return"] > 0 and record["args"]["sockfd"] is not None:
                streams.setdefault(record["socket"]["inode"], []).append(record)
        said = {client.sent for client in (giver, taker)}
        equal({payloads(records) for records in streams.values()}, said, "what the clients said")
        out = {}
        for record in seen.of(*SENDS, socket__family="AF_UNIX"):
            if record["return"] > 0:
                out.setdefault(record["socket"]["inode"], []).append(record)
        heard = {client.received for client in (giver, taker)}
        equal({payloads(records) for records in out.values()}, heard, "what the clients heard")
        given = [record for records in out.values() for record in records if record["fds"]["sent"]]
        equal([record["fds"]["sent"] for record in given], [1], "descriptors that the bus passed on")


NGINX = """daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
events {{ }}
http {{
  log_format counts '$request_length $bytes_sent';
  access_log {here}/access.log counts;
  client_body_temp_path {here}/a; proxy_temp_path {here}/b; fastcgi_temp_path {here}/c;
  uwsgi_temp_path {here}/d; scgi_temp_path {here}/e;
  sendfile on;
  server {{ listen 127.0.0.1:{port}; listen unix:{here}/web.sock; root {here}; location /hello {{ return 200 "hello\\n"; }} }}
}}
"""


def test_nginx(trace):
    """curl asks nginx over TCP and over a UNIX socket, for a few bytes and for a file that is sent by sendfile."""
    nginx, curl = need("nginx"), need("curl")
    with folder() as here, socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
        place.close()
        with open(here + "/large", "wb") as file:
            file.write(bytes(range(256)) * 800)
        with open(here + "/nginx.conf", "w") as file:
            file.write(NGINX.format(here=here, port=port))
        os.chmod(here, 0o755)
        with running([nginx, "-c", here + "/nginx.conf", "-e", here + "/error.log"]) as server:
            until(lambda: os.path.exists(here + "/web.sock"), "nginx")
            said, clients = [], []
            with trace("all", server.pid) as seen:
                for way in ([], ["--unix-socket", here + "/web.sock"]):
                    for what in ("hello", "large"):
                        client = subprocess.Popen(
                            [curl, "-s", "-o", "/dev/null", "-w", "%{size_request} %{size_header} %{size_download}", *way,
                             f"http://127.0.0.1:{port}/{what}"], stdout=subprocess.PIPE)
                        said.append([int(word) for word in client.communicate()[0].split()])
                        clients.append(client.pid)
                until(lambda: len(open(here + "/access.log").readlines()) == 4, "the access log")
            with open(here + "/access.log") as file:
                log = [tuple(int(word) for word in line.split()) for line in file]
        equal(log, [(asked, header + body) for asked, header, body in said], "nginx and curl agree")
        taken = seen.of("accept")
        equal(len([record for record in taken if record["return"] >= 0]), 4, "connections")
        over_unix = [record for record in taken if record["socket"]["family"] == "AF_UNIX" and record["return"] >= 0]
        equal([record["senders"][0]["pid"] for record in over_unix], clients[2:], "who asked over the UNIX socket")
        asked, answered = [], []
        for number in [record["socket"]["inode"] for record in taken if record["return"] >= 0]:
            requests = [record for record in seen.of(*RECEIVES) if record["socket"] and record["socket"]["inode"] == number]
            asked.append(delivered(requests))
            assert payloads(requests).startswith(b"GET /"), payloads(requests)[:40]
            answers = [record for record in seen.of(*SENDS) if record["socket"] and record["socket"]["inode"] == number]
            answered.append(delivered(answers))
        equal(list(zip(asked, answered)), log, "bytes of each connection")


def test_postgresql(trace):
    """psql over the UNIX socket, statement by statement."""
    psql, initdb = need("psql"), None
    for version in sorted(os.listdir("/usr/lib/postgresql") if os.path.isdir("/usr/lib/postgresql") else []):
        if os.path.exists(f"/usr/lib/postgresql/{version}/bin/initdb"):
            initdb = f"/usr/lib/postgresql/{version}/bin/initdb"
    if initdb is None:
        raise Skip("no initdb")
    as_user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
    with folder("postgres") as here:
        subprocess.run([*as_user, initdb, "-D", here + "/data", "-A", "trust", "--no-sync"], check=True,
                       stdout=subprocess.DEVNULL, cwd=here)
        with open(here + "/log", "wb") as log, running(
                [*as_user, os.path.dirname(initdb) + "/postgres", "-D", here + "/data", "-c", "listen_addresses=", "-k", here,
                 "-c", "log_statement=all", "-c", "fsync=off", "-c", "log_line_prefix=[%p] "],
                stderr=log, cwd=here) as server:
            until(lambda: os.path.exists(here + "/.s.PGSQL.5432"), "postgres")
            until(lambda: b"ready to accept" in open(here + "/log", "rb").read(), "postgres")
            with trace("all", server.pid) as seen:
                out = subprocess.run([psql, "-h", here, "-U", "postgres", "-At", "-c", "SELECT pg_backend_pid()", "-c",
                                      "SELECT 'a marker'", "-c", "SELECT repeat('x', 30000)"],
                                     check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
            log.flush()
            lines = open(here + "/log").read()
        statements = re.findall(r"\[(\d+)\] LOG:  statement: (.*)", lines)
        backend = int(out[0])
        equal(statements[0][0], out[0], "the log and psql agree on the process")
        received = seen.of(*RECEIVES, process__pid=backend, socket__family="AF_UNIX")
        asked = re.findall(rb"Q....([^\0]*)\0", payloads([one for one in received if one["return"] > 0]), re.S)
        equal([one.decode() for one in asked], [statement for _, statement in statements], "statements")
        answers = payloads([one for one in seen.of(*SENDS, process__pid=backend, socket__family="AF_UNIX")
                            if one["return"] > 0])
        for line in out:
            assert line.encode() in answers, f"{line[:40]} was not seen to be sent"


def test_redis(trace):
    """redis-cli over a UNIX socket; redis counts the bytes of its connections itself."""
    server, client = need("redis-server"), need("redis-cli")
    with folder() as here:
        path = here + "/redis.sock"
        with running([server, "--port", "0", "--unixsocket", path, "--save", "", "--dir", here],
                     stdout=subprocess.DEVNULL) as redis:
            until(lambda: os.path.exists(path), "redis")
            with trace("all", redis.pid) as seen:
                commands = ["SET name value", "GET name", "INCR count", "INFO stats"]
                done = subprocess.run([client, "-s", path], input="\n".join(commands) + "\n", check=True,
                                      stdout=subprocess.PIPE, text=True).stdout
        said_in = int(re.search(r"total_net_input_bytes:(\d+)", done).group(1))
        said_out = int(re.search(r"total_net_output_bytes:(\d+)", done).group(1))
        received = [one for one in seen.of(*RECEIVES, socket__family="AF_UNIX") if one["return"] > 0]
        sent = [one for one in seen.of(*SENDS, socket__family="AF_UNIX") if one["return"] > 0]
        equal(delivered(received), said_in, "bytes in")
        last = [one for one in sent if b"total_net_output_bytes" in payload(one)]
        equal(len(last), 1, "answers to INFO")
        equal(delivered(sent[:sent.index(last[0])]), said_out, "bytes out before the answer to INFO")
        assert b"value" in payloads(received), payloads(received)


def test_notify(trace):
    """systemd-notify tells a listener, and passes an end of a pipe to learn that it was heard."""
    notify = need("systemd-notify")
    with folder() as here:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(here + "/notify")
        listener.settimeout(10)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        with trace("all", os.getpid()) as seen:
            child = subprocess.Popen([notify, "--ready", "--status=at work"],
                                     env={**os.environ, "NOTIFY_SOCKET": here + "/notify"})
            heard, inodes = [], []
            while b"BARRIER=1" not in heard:
                data, ancillary, _, _ = listener.recvmsg(4096, socket.CMSG_SPACE(64))
                heard.append(data)
                for _, kind, passed in ancillary:
                    if kind == socket.SCM_RIGHTS:
                        for fd in array.array("i", passed):
                            inodes.append(str(os.fstat(fd).st_ino))
                            os.close(fd)
            child.wait(10)
        received = seen.of("recvmsg", process__pid=os.getpid())
        received = [one for one in received if one["socket"]["local"].get("path") == here + "/notify"]
        equal([payload(one) for one in received], heard, "what the listener heard")
        for one in received:  # systemd-notify gives its parent out as the sender: who is guessed is not believed
            if not one["senders"][0]["guess"]:
                equal([sender["pid"] for sender in one["senders"]], [child.pid], "who told it")
        sent = [one for one in seen.of("sendmsg", process__pid=child.pid)
                if (one["args"]["msg"]["name"] or {}).get("path") == here + "/notify"]
        equal([payload(one) for one in sent], heard, "what systemd-notify said")
        arrived = seen.of("fd_received", process__pid=os.getpid())
        equal([one["args"]["file"]["inode"] for one in arrived], inodes, "the pipe")


def test_monitor(trace):
    """`ip monitor` in a network namespace of its own, where a link goes up and down."""
    ip, unshare = need("ip"), need("unshare")
    script = ('"$0" -o monitor link >"$1" & monitor=$!; sleep 1; '
              '"$0" link set lo up; "$0" link set lo down; sleep 0.5; kill $monitor; wait')
    with folder() as here:
        with trace("all", os.getpid()) as seen:
            subprocess.run([unshare, "--net", "sh", "-c", script, ip, here + "/said"], check=False)
        with open(here + "/said") as file:
            said = file.read().splitlines()
        monitors = {one["process"]["pid"] for one in seen.of("recvmsg", socket__family="AF_NETLINK")
                    if one["args"]["msg"]["name"] and one["args"]["msg"]["name"].get("groups")}
        equal(len(monitors), 1, "processes that got notifications")
        kinds = []
        for one in seen.of("recvmsg", socket__family="AF_NETLINK", process__pid=monitors.pop()):
            if one["return"] <= 0 or one["peeked"] or not (one["args"]["msg"]["name"] or {}).get("groups"):
                continue
            data = payload(one)
            while len(data) >= 16:
                length, kind = struct.unpack_from("<IH", data)
                kinds.append(kind)
                data = data[(length + 3) & ~3:]
        equal(len([kind for kind in kinds if kind in (16, 17)]), len(said), "RTM_NEWLINK and RTM_DELLINK")
        assert len(said) >= 2, said


if __name__ == "__main__":
    main({name[len("test_"):]: test for name, test in list(globals().items()) if name.startswith("test_")})
