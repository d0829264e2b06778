"""What was recognised of one document while children come and go: shifts that end, pages that kill."""

from collections import Counter
from collections.abc import Callable, Mapping

from apps.libraries.types import PageRead

TRIES = 2  # a page that ends the child so often is left out
MAX_DEADLY = 5  # pages of one document; more, and the document is at fault


class Progress:
    """Collects the pages that children tell, and the blame for their deaths. `known` is for the next child."""

    def __init__(self, known: Mapping[int, PageRead], on_page: Callable[[PageRead], None]) -> None:
        self.known = dict(known)
        self._on_page = on_page
        self._begun: int | None = None
        self._deaths: Counter[int] = Counter()

    def take(self, page: PageRead) -> None:
        """Note what a child tells: first that it begins with a page (`failed`), then how that went."""
        if page.method == "failed" and self._begun != page.page:
            self._begun = page.page
            return
        self._begun = None
        self.known[page.page] = page
        self._on_page(page)

    def survives(self) -> bool:
        """Return whether another child may try, after one died: only if it died of a page that it had begun."""
        page, self._begun = self._begun, None
        if page is None:
            return False
        self._deaths[page] += 1
        if self._deaths[page] >= TRIES:
            self.known[page] = PageRead(page, "failed")
            self._on_page(self.known[page])
        return sum(count >= TRIES for count in self._deaths.values()) <= MAX_DEADLY
