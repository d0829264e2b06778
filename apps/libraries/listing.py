"""The documents page as values: what is shown, the chips, the folders, the views, the rights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.core.paginator import Page, Paginator
from django.http import QueryDict

from apps.libraries import filters
from apps.libraries.facets import Facets, facets_of
from apps.libraries.filters import Filter
from apps.libraries.folders import Node, tree
from apps.libraries.metadata import Field, fields_of
from apps.libraries.models import Document, Library, Place, SavedView
from apps.libraries.rights import Rights
from apps.libraries.saved import views_of
from apps.users.models import User

ROWS = ("current_version", "uploaded_by", "owner", "parent", "place")


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a library's documents."""

    wanted: Filter
    fields: Sequence[Field]
    page: Page[Document]
    facets: Facets
    folders: Sequence[Node]
    views: Sequence[SavedView]
    view: SavedView | None  # the saved view that is shown
    locked: frozenset[str]  # folders that are only for chosen people

    @property
    def crumbs(self) -> list[tuple[str, str]]:
        """Return (name, path) of the folders on the way to the current one."""
        parts = self.wanted.folder.split("/") if self.wanted.folder else []
        return [(part, "/".join(parts[: depth + 1])) for depth, part in enumerate(parts)]

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Return what a search keeps of the filter, as (name, value) of hidden inputs."""
        return self.wanted.without("q").pairs

    @property
    def sorts(self) -> Mapping[str, tuple[str, str]]:
        """Return for each column that sorts (the query that sorts by it or turns it round, its direction now)."""
        return {column: self._sort(column) for column in ("name", "added", "size")}

    def _sort(self, column: str) -> tuple[str, str]:
        now = self.wanted.sort
        direction = {column: "ascending", f"-{column}": "descending"}.get(now, "")
        first = column if column == "name" else f"-{column}"
        turned = (f"-{column}" if now == column else column) if direction else first
        return replace(self.wanted, sort=turned).query, direction

    @property
    def sizes(self) -> list[tuple[int, str, bool]]:
        """Return (rows on a page, its query, whether it is chosen)."""
        return [(size, replace(self.wanted, size=size).query, size == self.wanted.size) for size in filters.SIZES]

    @property
    def page_prefix(self) -> str:
        """Return the start of a link to another page of the list."""
        return f"?{self.wanted.query}&" if self.wanted.query else "?"

    @property
    def folder_prefix(self) -> str:
        """Return the start of a link to a folder, which keeps the rest of the filter."""
        query = self.wanted.without("folder").query
        return f"?{query}&" if query else "?"

    @property
    def all_query(self) -> str:
        """Return the query of the same filter in no folder."""
        return self.wanted.without("folder").query


def listing(user: User, library: Library, query: QueryDict, held: Rights) -> Listing:
    """Return what a query string asks for, by the person's rights in the library.

    Raises UnknownFilter or FilterInvalid.
    """
    fields = fields_of(library)
    wanted = filters.parse(query, fields)
    everything = held.narrow(Document.objects.filter(library=library, deleted_at=None))
    found = filters.order(filters.apply(everything, wanted, fields), wanted)
    rows = found.select_related(*ROWS)
    views = views_of(user, library)
    return Listing(
        wanted=wanted,
        fields=fields,
        page=Paginator(rows, wanted.size).get_page(query.get("page")),
        facets=facets_of(everything, wanted, fields),
        folders=tree(everything, wanted.folder),
        views=views,
        locked=frozenset(
            Place.objects.filter(library=library, document=None, is_restricted=True)
            .exclude(folder="")
            .values_list("folder", flat=True)
        ),
        view=next((view for view in views if view.query == wanted.query), None) if wanted.query else None,
    )
