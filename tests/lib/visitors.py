"""Somebody who asks for a page all the time, while a test does things to who serves it."""

import http.client
import threading


class Visitors(threading.Thread):
    """Calls page() again and again; what it returned is in `served`, what went wrong in `errors`.
    pause: seconds between two visits."""

    def __init__(self, page, pause=0):
        super().__init__(daemon=True)
        self.page, self.pause, self.ended = page, pause, threading.Event()
        self.served, self.errors = [], []
        self.start()

    def run(self):
        while not self.ended.wait(self.pause):
            try:
                self.served.append(self.page())
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))

    def end(self):
        self.ended.set()
        self.join()
