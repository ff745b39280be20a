"""The category trees: roots, their nodes, and the leaves that hold products."""

import hashlib
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from splitcart.replica.config import ChainConfig


class Aisle(msgspec.Struct, frozen=True):
    """A row of aisles.toml: what kind of product stands where, in which sizes, for how much."""

    key: str
    aldi: str
    woolworths: str
    coles: str
    iga: str
    kinds: list[str]
    variants: list[str]
    brands: list[str]
    own: dict[str, str]
    sizes: list[str]
    cents: tuple[int, int]
    piece_cents: tuple[int, int]

    def place(self, chain: str) -> str:
        """Return "root slug/node slug" at ``chain``."""
        place: str = getattr(self, chain)
        return place


class Node(msgspec.Struct, frozen=True):
    """One category; a node without children is a leaf. ``path`` holds the names from the root to here."""

    id: str
    slug: str
    name: str
    path: tuple[str, ...]
    children: tuple["Node", ...] = ()

    def leaves(self) -> list["Node"]:
        """The leaves below, or the node itself."""
        return [leaf for child in self.children for leaf in child.leaves()] if self.children else [self]


class Shelf(msgspec.Struct, frozen=True):
    """One kind of an aisle and the leaf that it stands in."""

    aisle: Aisle
    kind: str
    leaf: Node


class Tree(msgspec.Struct, frozen=True):
    """A chain's kept roots in the site's order (the first is produce), and every kind's place."""

    roots: tuple[Node, ...]
    shelves: tuple[Shelf, ...]


@cache
def packaged(name: str) -> dict[str, Any]:
    """Read one of this room's own TOML files."""
    return tomllib.loads(files("splitcart.replica").joinpath(name).read_text("utf-8"))


@cache
def aisles() -> tuple[Aisle, ...]:
    """All aisles."""
    return tuple(msgspec.convert(packaged("aisles.toml")["aisle"], list[Aisle]))


def node_id(*parts: str) -> str:
    """Return an id of Woolworths' form for a node whose own was not recorded."""
    return "1_" + hashlib.sha256("/".join(parts).encode()).hexdigest()[:7].upper()


def _numeric_id(*parts: str) -> str:
    """Return an id of Coles' form for a node whose own was not recorded."""
    return f"88{int(hashlib.sha256('/'.join(parts).encode()).hexdigest(), 16) % 100_000:05d}"


def _identifier(*parts: str) -> str:
    """Return an identifier of IGA's form: words of the name with lines between them."""
    return parts[-1].replace("-", "_").title().replace("_And_", "_and_")


_LEAF_IDS = {"coles": _numeric_id, "iga": _identifier}


def build_tree(chain: str, config: ChainConfig) -> Tree:
    """Build the chain's tree, cut to the configured number of roots and of nodes per root."""
    roots: list[Node] = []
    shelves: list[Shelf] = []
    for row in packaged("trees.toml")[chain][: config.roots]:
        root_id = row["key"] if chain == "aldi" else row["id"]
        rows = (row["leaves"] if chain == "aldi" else row["nodes"])[: config.leaves_per_root]
        children: list[Node] = []
        for key, slug, name in rows:
            here = [aisle for aisle in aisles() if aisle.place(chain) == f"{row['slug']}/{slug}"]
            if here:
                node, placed = _node(chain, here, Node(id=key, slug=slug, name=name, path=(row["name"], name)))
                children.append(node)
                shelves += placed
        roots.append(
            Node(id=root_id, slug=row["slug"], name=row["name"], path=(row["name"],), children=tuple(children))
        )
    return Tree(roots=tuple(roots), shelves=tuple(shelves))


def _node(chain: str, here: list[Aisle], node: Node) -> tuple[Node, list[Shelf]]:
    """Give a node a third level, two kinds to a leaf, if it holds enough of them; ALDI has two levels."""
    kinds = [(aisle, kind) for aisle in here for kind in aisle.kinds]
    if chain == "aldi" or len(kinds) < 6:
        return node, [Shelf(aisle=aisle, kind=kind, leaf=node) for aisle, kind in kinds]
    leaves: list[Node] = []
    shelves: list[Shelf] = []
    for pair in (kinds[at : at + 2] for at in range(0, len(kinds), 2)):
        name = (" and " if chain == "iga" else " & ").join(kind for _, kind in pair)
        slug = "-".join(name.lower().replace("&", " ").split())
        make_id = _LEAF_IDS.get(chain, node_id)
        leaf = Node(id=make_id(node.id, slug), slug=slug, name=name, path=(*node.path, name))
        leaves.append(leaf)
        shelves += [Shelf(aisle=aisle, kind=kind, leaf=leaf) for aisle, kind in pair]
    return msgspec.structs.replace(node, children=tuple(leaves)), shelves
