"""Speaks TLS for a program on loopback that does not: tlsfront.py NAME PORT PORT_OF_PROGRAM, with NAME.crt and NAME.key."""

import socket
import ssl
import sys
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # whoever hung up, the other side learns it by its own end


class Handler(BaseRequestHandler):
    def handle(self):
        try:
            client = context.wrap_socket(self.request, server_side=True)
        except OSError:
            return
        with client, socket.create_connection(("127.0.0.1", int(sys.argv[3]))) as program:
            answers = Thread(target=copy, args=(program, client))
            answers.start()
            copy(client, program)
            answers.join()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{sys.argv[1]}.crt", f"{sys.argv[1]}.key")
ThreadingTCPServer.daemon_threads = True
ThreadingTCPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
