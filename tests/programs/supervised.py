# SPDX-License-Identifier: Apache-2.0
"""Real programs under `sockwarden run`, with a policy that judges each call and refuses none: they do what they do bare.

As the command of `sockwarden run`, and bare, it is called with --work and leaves what the program said as JSON."""
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True

from bus import CONFIGURATION, Client, call
from tracing import SKIPPED, Skip, equal, folder, need, running, until

POLICY = """version: 1
name: harmless
rules:
  - name: no-content
    when: event in ["recvmsg", "recvmmsg", "recvfrom", "read", "readv"] && payload.contains("never sent")
    action: deny
  - name: nowhere
    when: event in ["connect", "sendmsg", "sendmmsg", "sendto", "write", "writev", "sendfile"] && socket.remote.path == "/nowhere"
    action: deny
"""


def said(command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **options).stdout.decode()


def digest(command):
    return hashlib.sha256(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout).hexdigest()


def work_dbus():
    """Clients of dbus-daemon ask it for what it knows, and one passes a file to another."""
    path = os.getcwd() + "/bus"
    with open("bus.conf", "w") as file:
        file.write(CONFIGURATION.format(path=path))
    with running([need("dbus-daemon"), "--nofork", "--nopidfile", "--config-file", "bus.conf"]):
        until(lambda: os.path.exists(path), "the bus")
        send = [need("dbus-send"), "--bus=unix:path=" + path, "--print-reply=literal", "--dest=org.freedesktop.DBus", "/"]
        names = said([*send, "org.freedesktop.DBus.ListNames"])
        user = said([*send, "org.freedesktop.DBus.GetConnectionUnixUser", "string:org.freedesktop.DBus"])
        giver, taker = Client(path), Client(path)
        with open("passed", "w+") as file:
            giver.send(call(2, taker.name, "/x", "x.y", "Take", "h", b"\0\0\0\0", 1), [file.fileno()])
            until(lambda: taker.some() and taker.fds, "the descriptor")
            return [names, user, len(taker.fds), os.path.sameopenfile(taker.fds[0], file.fileno())]


NGINX = """daemon off; worker_processes 2; pid {here}/pid; error_log {here}/error.log;
events {{ }}
http {{
  access_log {here}/access.log; client_body_temp_path {here}/a; proxy_temp_path {here}/b; fastcgi_temp_path {here}/c;
  uwsgi_temp_path {here}/d; scgi_temp_path {here}/e; sendfile {sendfile};
  server {{
    listen 127.0.0.1:{port}; listen unix:{here}/web.sock; root {here};
    location /hello {{ return 200 "hello\\n"; }}
    location /behind/ {{ proxy_pass http://127.0.0.1:{port}/; }}
  }}
}}
"""


def work_nginx():
    """curl asks nginx over TCP and over a UNIX socket, directly and through a proxy, with sendfile and without."""
    here, results = os.getcwd(), []
    with open("large", "wb") as file:
        file.write(b"".join(number.to_bytes(4, "big") for number in range(1 << 19)))
    for sendfile in ("on", "off"):
        with socket.create_server(("127.0.0.1", 0)) as place:
            port = place.getsockname()[1]
        with open("nginx.conf", "w") as file:
            file.write(NGINX.format(here=here, port=port, sendfile=sendfile))
        with running([need("nginx"), "-c", here + "/nginx.conf", "-e", here + "/error.log"]) as server:
            until(lambda: os.path.exists("web.sock"), "nginx")
            for what in ("hello", "large", "behind/hello", "behind/large", "nothing"):
                for way in ([], ["--unix-socket", "web.sock"]):
                    results.append(digest([need("curl"), "-s", *way, f"http://127.0.0.1:{port}/{what}"]))
        results.append(server.returncode)
    return results


def work_redis():
    """redis-benchmark, alone and pipelined; redis counts commands and bytes itself."""
    path = os.getcwd() + "/redis.sock"
    with running([need("redis-server"), "--port", "0", "--unixsocket", path, "--save", ""],
                 stdout=subprocess.DEVNULL) as server:
        until(lambda: os.path.exists(path), "redis")
        for more in ([], ["-P", "16"]):
            said([need("redis-benchmark"), "-s", path, "-n", "5000", "-c", "20", "-q", "-t", "set,get,lrange_100", *more])
        told = said([need("redis-cli"), "-s", path, "INFO", "everything"])
    names = ("total_commands_processed", "total_net_input_bytes", "total_connections_received", "keyspace_hits",
             "total_error_replies")
    return [server.returncode, *[re.search(name + r":(\d+)", told).group(1) for name in names]]


def work_postgresql():
    """pgbench and large answers over a UNIX socket."""
    here = os.getcwd()
    versions = sorted(os.listdir("/usr/lib/postgresql")) if os.path.isdir("/usr/lib/postgresql") else []
    if not versions:
        raise Skip("no postgres")
    programs = f"/usr/lib/postgresql/{versions[-1]}/bin/"
    to = ["-h", here, "-U", "postgres"]
    said([programs + "initdb", "-D", "data", "-A", "trust", "--no-sync", "-U", "postgres"])
    with open("log", "wb") as log, running([programs + "postgres", "-D", "data", "-c", "listen_addresses=", "-k", here, "-c",
                                            "fsync=off"], stderr=log) as server:
        until(lambda: b"ready to accept" in open("log", "rb").read(), "postgres")
        said([need("pgbench"), *to, "-i", "postgres"], stderr=subprocess.DEVNULL)
        told = said([need("pgbench"), *to, "-c", "4", "-j", "2", "-t", "50", "postgres"])
        results = [re.search(r"processed: (.*)", told).group(1), re.search(r"failed transactions: (\d+)", told).group(1)]
        for statement in ("SELECT count(*) FROM pgbench_history",
                          "SELECT md5(string_agg(x::text, ',')) FROM generate_series(1, 200000) x",
                          "COPY (SELECT generate_series(1, 300000)) TO STDOUT"):
            results.append(digest([need("psql"), *to, "-At", "-c", statement, "postgres"]))
        # A notice to another session, which waits for it.
        results.append(said([need("psql"), *to, "-At", "-c", "LISTEN here", "-c", "NOTIFY here, 'heard'", "postgres"])
                       .split(" received")[0])
    return [*results, server.returncode]


def work_python():
    """Python's own tests of its socket module: the outcome of each."""
    python = "/usr/bin/python3"  # of the distribution, whose tests are a package
    if subprocess.run([python, "-c", "import test.test_socket"], stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("no test_socket")
    subprocess.run([python, "-m", "test", "--junit-xml", "outcome.xml", "test_socket"], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    tests = xml.etree.ElementTree.parse("outcome.xml").iter("testcase")
    outcomes = sorted([one.get("name"), one.get("result"), sorted(child.tag for child in one if child.tag != "system-out")]
                      for one in tests)
    assert len(outcomes) > 500, outcomes
    return outcomes


WORK = {name[len("work_"):]: work for name, work in list(globals().items()) if name.startswith("work_")}


def supervise(sockwarden, name):
    tools = os.path.dirname(os.path.abspath(__file__))
    python = sys.executable if os.geteuid() != 0 else "/usr/bin/python3"  # root's own may be out of an ordinary user's reach
    ordinary = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
    outcomes = []
    with folder() as here:
        os.chmod(here, 0o755)
        shutil.copytree(tools, here + "/tools")  # the tree may lie where an ordinary user may not go
        shutil.copy(sockwarden, here + "/sockwarden")
        with open(here + "/policy.yaml", "w") as file:
            file.write(POLICY)
        for way in ([], [here + "/sockwarden", "run", "-w", "records", "--policy", here + "/policy.yaml", "--"]):
            place = f"{here}/{'supervised' if way else 'bare'}"
            os.mkdir(place)
            if ordinary:
                os.chown(place, 65534, 65534)
            done = subprocess.run([*ordinary, *way, python, here + "/tools/supervised.py", "--work", name], cwd=place,
                                  env={**os.environ, "HOME": place, "TMPDIR": place})
            if done.returncode == SKIPPED:
                sys.exit(SKIPPED)
            assert done.returncode == 0, f"{way} ended with {done.returncode}"
            with open(place + "/outcome") as file:
                outcomes.append(json.load(file))
        with open(place + "/records") as file:
            verdicts = [line for line in file if '"verdict"' in line]
        equal(verdicts, [], "refusals")
    bare, supervised = outcomes
    print(f"{name}: {str(bare)[:300]}")
    equal([one for one in supervised if one not in bare], [one for one in bare if one not in supervised], "outcomes")
    equal(len(supervised), len(bare), "outcomes")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in WORK:
        print(f"usage: {sys.argv[0]} SOCKWARDEN|--work {'|'.join(WORK)}", file=sys.stderr)
        sys.exit(2)
    if sys.argv[1] != "--work":
        supervise(sys.argv[1], sys.argv[2])
    else:
        try:
            result = WORK[sys.argv[2]]()
        except Skip as why:
            print(f"skipped: {why}")
            sys.exit(SKIPPED)
        with open("outcome", "w") as out:
            json.dump(result, out)
