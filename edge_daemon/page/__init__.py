"""The page on the board: live, presence and device in a browser, by a process of its own.

    daemon ─ Unix socket ▶ daemon_link ─▶ streams ─▶ browser
    history.db, effort.db ─▶ board_history, presence_days ─▶ answers ─▶ browser

Memory is the budget. `launch` checks the configuration and then runs the page (`__main__`) in its own process's place,
so that nothing stays in memory that only reading a configuration needs. `launch` alone may import `config` and
`checks`, and no other file here imports numpy, pydantic, click or asyncio; a test sees to it. The server is the
standard library's: a thread for each connection, within bounds. Styles, scripts, parts and the gate are those of `web`,
as at the station.

Reading order: `settings`, `launch`, `__main__`, `server`, `board`, `requests`, `streams`, `daemon_link`.

May import: `checks`, `presence`, `health`, `history`, `effort` and the layers below, of these only what is lean.
"""
