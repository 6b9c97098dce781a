"""A mail server for tests: four ways to submit, one inbox of files.

Ways in (all on 127.0.0.1, each on a free port unless --first-port names the first):
  plain      neither TLS nor a password
  starttls   nothing but STARTTLS until it is done, then a password
  smtps      TLS from the first byte, then a password
  authplain  a password without TLS: what a careful client refuses to use

Wishes in an address, so that a client's error paths can be walked:
  rcpt-550@...  that code at RCPT TO       data-554@...  that code after the body
  mail-553@...  (as sender) that code at MAIL FROM
  silent@...    no answer at all

Every mail that is taken becomes NNNNNN.eml (the bytes) and NNNNNN.json (who, how, and the mail as Python's own parser
reads it). The .json is moved into place last, before the client hears 250.
"""

import argparse
import asyncio
import email
import email.policy
import json
import pathlib
import re
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

WISH = re.compile(r"(mail|rcpt|data)-([2345]\d\d)", re.IGNORECASE)
REASONS = {
    "421": "4.3.2 closing for maintenance",
    "450": "4.2.1 mailbox busy",
    "451": "4.7.1 come back later",
    "550": "5.1.1 nobody of that name here",
    "552": "5.2.2 mailbox full",
    "553": "5.1.8 this sender may not send",
    "554": "5.6.0 that body is not wanted",
}


def wish(stage, address):
    """The answer that an address asks for at this stage, if it does."""
    found = WISH.match(address or "")
    if not found or found[1].lower() != stage:
        return None
    return f"{found[2]} {REASONS.get(found[2], 'as you wish')}"


def part(mail, kind):
    body = mail.get_body((kind,))
    return None if body is None else body.get_content()


class Inbox:
    """Takes mails and leaves them as files."""

    def __init__(self, folder):
        self.folder = folder
        self.taken = 0

    async def handle_MAIL(self, server, session, envelope, address, options):
        refusal = wish("mail", address)
        if refusal:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("silent@"):
            await asyncio.Event().wait()
        refusal = wish("rcpt", address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope):
        for address in envelope.rcpt_tos:
            refusal = wish("data", address)
            if refusal:
                return refusal
        self.taken += 1
        self.keep(self.taken, server, session, envelope)
        return f"250 2.0.0 kept as {self.taken:06}"

    def keep(self, number, server, session, envelope):
        raw = envelope.original_content
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        login = session.auth_data
        facts = {
            "listener": server.way,
            "helo": session.host_name,
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": login.login.decode() if isinstance(login, LoginPassword) else None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in mail.items()],
            "content_type": mail.get_content_type(),
            "text": part(mail, "plain"),
            "html": part(mail, "html"),
        }
        (self.folder / f"{number:06}.eml").write_bytes(raw)
        draft = self.folder / f"{number:06}.part"
        draft.write_text(json.dumps(facts), encoding="utf-8")
        draft.rename(self.folder / f"{number:06}.json")


def doorman(user, password):
    """An authenticator that knows one user."""

    def check(server, session, envelope, mechanism, data):
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (
            user.encode(),
            password.encode(),
        )
        return AuthResult(success=known, handled=False, auth_data=data if known else None)

    return check


async def until_input_ends():
    """Resolves when nobody holds the other end of our input any more."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while await reader.read(1024):
        pass


async def serve(options):
    state = pathlib.Path(options.state)
    inbox = Inbox(state / "inbox")
    inbox.folder.mkdir(exist_ok=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(state / "server.pem")
    login = {"authenticator": doorman(options.user, options.password), "auth_required": True}
    ways = {
        "plain": ({}, None),
        "starttls": (
            {"tls_context": tls, "require_starttls": True, "auth_require_tls": True, **login},
            None,
        ),
        "smtps": ({"auth_require_tls": False, **login}, tls),
        "authplain": ({"auth_require_tls": False, **login}, None),
    }

    def protocol(way, settings):
        smtp = SMTP(
            inbox, hostname="mail.test", ident="test mail", enable_SMTPUTF8=True, data_size_limit=1 << 23, **settings
        )
        smtp.way = way
        return smtp

    ports, servers = {}, []
    loop = asyncio.get_running_loop()
    for place, (way, (settings, outer)) in enumerate(ways.items()):
        port = options.first_port + place if options.first_port else 0
        server = await loop.create_server(
            lambda way=way, settings=settings: protocol(way, settings), "127.0.0.1", port, ssl=outer
        )
        servers.append(server)  # a server nobody holds is closed
        ports[way] = server.sockets[0].getsockname()[1]
    draft = state / "ports.part"
    draft.write_text(json.dumps(ports))
    draft.rename(state / "ports.json")
    print("READY " + json.dumps(ports), flush=True)
    await (until_input_ends() if options.until_input_ends else asyncio.Event().wait())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("state", help="folder with server.pem; the inbox is made in it")
    parser.add_argument("--user", default="tester")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--first-port", type=int, default=0)
    parser.add_argument("--until-input-ends", action="store_true")
    asyncio.run(serve(parser.parse_args()))


main()
