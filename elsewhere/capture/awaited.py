"""``await`` at the top level of a cell, which a script does not know."""

from __future__ import annotations

import ast
import inspect
import symtable

LOOP = """\
import asyncio as _asyncio
_event_loop = _asyncio.new_event_loop()
_asyncio.set_event_loop(_event_loop)
"""
"""What stands once before all that :func:`as_function` writes: one loop for all of it, as a notebook has."""


def awaits(statement: ast.stmt) -> bool:
    """Whether the statement waits outside of any function.

    Raises:
        SyntaxError: it is no valid statement, such as a ``return`` outside of a function.
    """
    module = ast.Module([statement], type_ignores=[])
    code = compile(module, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return bool(code.co_flags & inspect.CO_COROUTINE)


def as_function(statement: ast.stmt, name: str) -> str:
    """Source that does what ``statement`` does, by a function ``name`` that is run to its end.

    Names that the statement binds are the module's, as they were.
    """
    plain = _Unannotated().visit(statement)
    bound = symtable.symtable(_source(name, [plain]), "<cell>", "exec").get_children()[0]
    names = sorted(symbol.get_name() for symbol in bound.get_symbols() if symbol.is_local())
    body = [ast.Global(names), plain] if names else [plain]
    return f"{_source(name, body)}\n_event_loop.run_until_complete({name}())"


def _source(name: str, body: list[ast.stmt]) -> str:
    function = ast.parse(f"async def {name}(): pass").body[0]
    if not isinstance(function, ast.AsyncFunctionDef):
        raise TypeError(name)
    function.body = body
    return ast.unparse(function)


class _Unannotated(ast.NodeTransformer):
    """Global names cannot be annotated inside of a function."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if not isinstance(node.target, ast.Name):
            return node
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value, lineno=node.lineno), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.stmt:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        return node
