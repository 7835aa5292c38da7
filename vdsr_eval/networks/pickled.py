"""Pickles as inert records: which objects a pickle would make, without making any of them.

Python's own unpickler calls whatever a pickle names. Here its instructions only build lists, tuples, numbers, text, and
a `Record` of each name, call and object; nothing is imported and nothing is called.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

__all__ = ["Record", "read_pickle"]

INSTRUCTIONS = 1_000_000  # a state dict of a thousand tensors takes thirty thousand
MEMO = 2**32  # places that Python's pickler can name
MARK = object()


@dataclass(eq=False, slots=True)
class Record:
    """What a pickle would make: a class or function by its name, what is made by calling it, or a dict.

    Attributes
    ----------
    name : str
        ``torch._utils._rebuild_tensor_v2``; ``dict`` for a dict, ``set`` and ``frozenset`` for those.
    args : tuple
        What it is called with; empty for a name alone.
    state : object
        What its ``__setstate__`` or ``__dict__`` would be given.
    pairs, items : list
        Keys and values, and elements, that would be put into it.
    """

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None
    pairs: list[tuple[Any, Any]] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)

    def entries(self) -> list[tuple[Any, Any]]:
        """Keys and values of a dict or a class of dicts."""
        given = self.args[0] if self.args and isinstance(self.args[0], list) else []  # Python 2's OrderedDict
        return [(pair[0], pair[1]) for pair in given if isinstance(pair, (list, tuple)) and len(pair) == 2] + self.pairs

    def named(self) -> dict[str, Any]:
        """Values by those keys that are text."""
        return {key: value for key, value in self.entries() if isinstance(key, str)}


def read_pickle(file: BinaryIO, persistent: Callable[[Any], Any] = lambda name: Record("persistent", (name,))) -> Any:
    """Read the pickle that starts here in a file, up to its end.

    Parameters
    ----------
    file : file
        Opened for reading bytes, small enough to be held.
    persistent : function
        What to put in the place of an object that is stored elsewhere, from its name.

    Returns
    -------
    object
        None, bool, int, float, str, bytes, list, tuple or `Record`, of such. Containers may hold themselves.

    Raises
    ------
    ValueError
        It is damaged, or longer than any that is met in practice.
    """
    machine = _Machine(persistent)
    try:
        for number, (code, argument, _) in enumerate(pickletools.genops(file)):
            if number > INSTRUCTIONS:
                raise ValueError(f"a pickle of more than {INSTRUCTIONS} instructions; save the state_dict alone")
            if code.name == "STOP":
                return machine.pop()
            machine.step(code.name, argument)
    except (IndexError, KeyError) as error:
        raise ValueError("a damaged pickle") from error
    raise ValueError("a pickle that ends early")


class _Machine:
    """The stack of a pickle, and the objects that it refers to again."""

    def __init__(self, persistent: Callable[[Any], Any]) -> None:
        self.persistent = persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Follow one instruction, by its name in `pickletools`."""
        push = self.stack.append
        match name:
            case "PROTO" | "FRAME":
                pass
            case "NONE":
                push(None)
            case "NEWTRUE" | "NEWFALSE":
                push(name == "NEWTRUE")
            case "EMPTY_TUPLE":
                push(())
            case "EMPTY_LIST":
                push([])
            case "EMPTY_DICT" | "EMPTY_SET":
                push(Record(name[6:].lower()))
            case "MARK":
                push(MARK)
            case "DUP":
                push(self.top())
            case "POP":
                self.stack.pop()
            case "POP_MARK":
                self.marked()
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                push(tuple([self.pop() for _ in range(int(name[5:]))][::-1]))
            case "TUPLE":
                push(tuple(self.marked()))
            case "LIST":
                push(self.marked())
            case "FROZENSET":
                push(Record("frozenset", items=self.marked()))
            case "DICT":
                items = self.marked()
                push(Record("dict"))
                self.put(items)
            case "APPEND":
                self.add([self.pop()])
            case "APPENDS" | "ADDITEMS":
                self.add(self.marked())
            case "SETITEM":
                self.put([self.pop(), self.pop()][::-1])
            case "SETITEMS":
                self.put(self.marked())
            case "GET" | "BINGET" | "LONG_BINGET":
                push(self.memo[argument])
            case "PUT" | "BINPUT" | "LONG_BINPUT" | "MEMOIZE":
                self.remember(len(self.memo) if argument is None else argument)
            case "GLOBAL":
                push(Record(argument.replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                inner, module = self.pop(), self.pop()
                push(Record(f"{_text(module)}.{_text(inner)}"))
            case "INST":
                push(Record(argument.replace(" ", ".", 1), tuple(self.marked())))
            case "OBJ":
                made, *args = self.marked()
                self.call(made, tuple(args))
            case "REDUCE" | "NEWOBJ":
                args = self.pop()
                self.call(self.pop(), args)
            case "NEWOBJ_EX":
                _, args = self.pop(), self.pop()
                self.call(self.pop(), args)
            case "BUILD":
                state = self.pop()
                _record(self.top()).state = state
            case "PERSID":
                push(self.persistent(argument))
            case "BINPERSID":
                push(self.persistent(self.pop()))
            case _ if argument is not None and not name.startswith("EXT"):  # numbers, text and bytes
                push(argument)
            case _:
                raise ValueError(f"a pickle with the instruction {name}")

    def pop(self) -> Any:
        """Take the topmost object."""
        if self.stack[-1] is MARK:
            raise ValueError("a pickle that takes more than it puts")
        return self.stack.pop()

    def top(self) -> Any:
        """Look at the topmost object."""
        self.stack.append(found := self.pop())
        return found

    def marked(self) -> list[Any]:
        """Take all objects above the last mark, and the mark."""
        found = []
        while (one := self.stack.pop()) is not MARK:
            found.append(one)
        return found[::-1]

    def remember(self, place: int) -> None:
        """Give the topmost object a place."""
        if not 0 <= place < MEMO:
            raise ValueError("a pickle that remembers too much")
        self.memo[place] = self.top()

    def call(self, made: Any, args: Any) -> None:
        """Write down a call, or the making of an object."""
        if not isinstance(args, tuple):
            raise ValueError("a pickle that calls with what are no arguments")
        self.stack.append(Record(_record(made).name, args))

    def add(self, items: list[Any]) -> None:
        """Put elements into the topmost list, set or object."""
        target = self.top()
        (target if isinstance(target, list) else _record(target).items).extend(items)

    def put(self, items: list[Any]) -> None:
        """Put keys and values, one behind the other, into the topmost dict or object."""
        _record(self.top()).pairs.extend(zip(items[::2], items[1::2], strict=True))


def _record(value: Any) -> Record:
    if not isinstance(value, Record):
        raise ValueError(f"a pickle that uses a {type(value).__name__} as an object")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a pickle that names something by a {type(value).__name__}")
    return value
