"""DBManager: the rows of a simulation, for programs that have batched them by hand."""
from __future__ import annotations

from typing import Any, Optional

from .database import open as open_database
from .table import KEY

_RUN = {"id": KEY, "name": str, "seed": int}
_AGENT = {"run_id": int, "tick": int, "agent_id": int, "agent_type": str, "assets": float,
          "is_active": bool}
_TRANSACTION = {"run_id": int, "tick": int, "buyer_id": int, "seller_id": int, "item": str,
                "quantity": float, "price": float, "kind": str}


class DBManager:
    """Saves the rows of simulation runs. Each row is safe when the call that saves it returns.

        with weir.DBManager("run.db") as manager:
            run = manager.save_simulation_run("baseline", seed=7)
            manager.save_agent_state(run, tick, agent, "firm", assets, is_active=True)

    It takes the place of a class that keeps rows in memory and inserts threshold of them at a time.
    Here nothing waits in memory: threshold is taken, kept as an attribute, and means nothing. The
    tables are simulation_run, agent_state and market_transaction; they are made when they are
    missing, and used as they are when they are there. options: those of weir.open().
    """

    def __init__(self, path: Any, threshold: int = 500, **options: Any) -> None:
        if threshold < 1:
            raise ValueError("a threshold is at least 1")
        self.threshold = threshold
        self.db = open_database(path, **options)
        try:
            self._runs = self.db.table("simulation_run", _RUN)
            self._agents = self.db.table("agent_state", _AGENT)
            self._transactions = self.db.table("market_transaction", _TRANSACTION)
        except BaseException:
            self.db.close()
            raise

    def save_simulation_run(self, name: str, seed: Optional[int] = None) -> int:
        """Save a run; return its id, at once. The row is in the database after flush()."""
        return self._runs.insert_now(None, name, seed, timeout=0).key

    def save_agent_state(self, run_id: int, tick: int, agent_id: int, agent_type: str,
                         assets: float, is_active: bool = True) -> None:
        """Save what an agent is like at a tick."""
        self._agents.append(run_id, tick, agent_id, agent_type, assets, is_active)

    def save_transaction(self, run_id: int, tick: int, buyer_id: int, seller_id: int, item: str,
                         quantity: float, price: float, kind: str) -> None:
        """Save a transaction between two agents."""
        self._transactions.append(run_id, tick, buyer_id, seller_id, item, quantity, price, kind)

    def flush(self, timeout: Optional[float] = None) -> bool:
        """Wait until everything that was saved can be SELECTed; False when the time was over."""
        return self.db.sync("applied", timeout)

    def close(self) -> bool:
        """Apply everything and close; see Database.close()."""
        return self.db.close()

    def __enter__(self) -> "DBManager":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()
