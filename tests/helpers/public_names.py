"""The public names of the package: what its public modules list, and the methods of classes."""

import inspect

import fastgrad as fg
from fastgrad import plot
from fastgrad import sklearn as estimators

MODULES = {
    "fastgrad": fg,
    "fastgrad.activations": fg.activations,
    "fastgrad.costs": fg.costs,
    "fastgrad.data": fg.data,
    "fastgrad.metrics": fg.metrics,
    "fastgrad.plot": plot,
    "fastgrad.schedules": fg.schedules,
    "fastgrad.sklearn": estimators,
}


def function_of(member):
    """The function behind a method, property, class method or static method; otherwise None."""
    for attribute in ("fget", "func", "__func__"):
        member = getattr(member, attribute, member)
    return member if inspect.isfunction(member) else None


def methods(thing):
    """(name, function) of the public methods and properties that a class defines anew."""
    for name, member in vars(thing).items():
        overrides = any(hasattr(base, name) for base in thing.__bases__)
        if not name.startswith("_") and not overrides and function_of(member):
            yield name, function_of(member)


def public_names():
    """What each public name stands for, such as `fastgrad.Network` and `fastgrad.Network.fit`."""
    names = {}
    for path, module in MODULES.items():
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.ismodule(thing):
                continue
            full_name = f"{path}.{name}"
            names[full_name] = thing
            if inspect.isclass(thing):
                names |= {f"{full_name}.{method}": found for method, found in methods(thing)}
    return names
