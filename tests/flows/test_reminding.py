"""Who waits for a person says so again, until the answer has come."""

from plait.flows.recording.reminding import EVERY, Reminding
from plait.flows.running.book import Book


def test_it_is_said_again_every_now_and_then_with_its_command_and_no_more_once_it_is_answered() -> None:
    said: list[str] = []
    book = Book("run", "cart", "feature/cart/integration", {}, on_change=said.append)
    reminding = Reminding(book)
    book.ask("cart-api", 1, owner="API")

    for seconds in (0.0, 1.0, EVERY - 1, EVERY, EVERY + 1, 2 * EVERY):
        reminding.look(seconds)
    book.answered("cart-api")
    reminding.look(9 * EVERY)

    assert said == [
        f"still waits for a person to approve the contract cart-api v1, written by API, for {waited} by now: "
        "plait approve cart cart-api"
        for waited in ("10 min 00 s", "20 min 00 s")
    ]


def test_a_question_that_is_asked_anew_waits_anew() -> None:
    said: list[str] = []
    book = Book("run", "cart", "feature/cart/integration", {}, on_change=said.append)
    reminding = Reminding(book)
    book.ask("cart-api", 1, owner="API")
    reminding.look(0.0)
    book.answered("cart-api")
    reminding.look(10.0)
    book.ask("cart-api", 1, owner="API")

    reminding.look(EVERY)

    assert said == []
