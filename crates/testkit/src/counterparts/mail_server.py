"""A mail server for the tests: takes mails on a free port and writes down what it understood.

Started as: mail_server.py FOLDER [--login USER PASSWORD] [--tls CERTIFICATE KEY]
Prints `PORT n` once it listens; ends when its standard input is closed.
"""

import argparse
import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later@"):
            return "451 4.2.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0].startswith("silent@"):
            server.transport.abort()
            return "421 gone"
        if envelope.rcpt_tos[0].startswith("spam@"):
            return "554 5.7.1 not wanted"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))
        understood = {
            "peer_port": session.peer[1],
            "user": session.auth_data.decode() if session.authenticated else None,
            "encrypted": session.ssl is not None,
            "hello": session.host_name,
            "envelope_from": envelope.mail_from,
            "envelope_to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "structure": [part.get_content_type() for part in mail.walk()],
            "text": text.get_content(),
            "html": html.get_content(),
            "ascii": envelope.content.isascii(),
            "attachments": [
                {
                    "name": part.get_filename(),
                    "type": part.get_content_type(),
                    "bytes": list(part.get_payload(decode=True)),
                }
                for part in mail.iter_attachments()
            ],
        }
        self.count += 1
        path = self.folder / f"{self.count:04}.json"
        path.write_text(json.dumps(understood), encoding="utf-8")
        return f"250 taken as {self.count}"


async def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--login", nargs=2)
    arguments.add_argument("--tls", nargs=2)
    arguments = arguments.parse_args()

    options = {}
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*arguments.tls)
        options.update(tls_context=context, require_starttls=True)
    if arguments.login:
        user, password = (part.encode() for part in arguments.login)

        def authenticate(server, session, envelope, mechanism, data):
            good = data.login == user and data.password == password
            return AuthResult(success=good, handled=good, auth_data=data.login if good else None)

        options.update(authenticator=authenticate, auth_required=True, auth_require_tls=bool(arguments.tls))

    handler = Handler(arguments.folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, **options), "127.0.0.1", 0)
    print(f"PORT {server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
