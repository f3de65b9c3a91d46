"""A receiver as one product's document has it, for tests: `python3 receiver.py PRODUCT`.

It speaks and obeys as `../node/receiver.js` says. The product's code is in `products/`, what it needs of
Flask in `flask.py`.
"""

import importlib
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PRODUCT = f"products.{sys.argv[1]}"
# The documents' code prints to where we speak.
out, sys.stdout = sys.stdout, open(os.devnull, "w")
sys.dont_write_bytecode = True
lock = threading.Lock()
app = None
once = []
always = None


def say(line):
    with lock:
        out.write(json.dumps(line) + "\n")
        out.flush()


def next_answer():
    with lock:
        return once.pop(0) if once else always


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        code, kind, body = app.handle("POST", self.path, self.headers, raw)
        verified = 200 <= code < 300
        instead = next_answer()
        status = code if instead is None else instead
        hangs = status == "hang"
        say({
            "request": {
                "line": f"POST {self.path}",
                "headers": self.headers.items(),
                "body": raw.hex(),
                "verified": verified,
                "status": None if hangs else status,
            }
        })
        if hangs:
            threading.Event().wait()
        content = b"" if status == 204 else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def obey(command):
    global app, always
    if "secret" in command:
        os.environ["WEBHOOK_SECRET"] = command["secret"]
        sys.modules.pop(PRODUCT, None)
        app = importlib.import_module(PRODUCT).app
    elif "times" in command:
        with lock:
            once.extend([command["answer"]] * command["times"])
    else:
        always = command["answer"]
    say({"done": True})


server = Server(("127.0.0.1", 0), Handler)
say({"port": server.server_address[1]})
threading.Thread(target=server.serve_forever, daemon=True).start()
for line in sys.stdin:
    obey(json.loads(line))
os._exit(0)
