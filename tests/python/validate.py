"""Files of the bank and of the merchant, read by what others made of the ISO 20022 schemas.

`pain.001` is validated against its published schema (which the package sepaxml brings with it). `camt.053` and `camt.054`
are parsed, unknown elements refused, into the classes that pyiso20022 has generated from theirs, and every rule that these
state of a field (required, length, pattern, digits, range) is checked.
"""

import dataclasses
import importlib
import re
import sys
from decimal import Decimal
from enum import Enum
from pathlib import Path


def camt(path, text):
    from xsdata.formats.dataclass.parsers import XmlParser
    from xsdata.formats.dataclass.parsers.config import ParserConfig

    version = re.search(r"xsd:(camt\.05[34]\.001\.\d\d)", text).group(1).replace(".", "_")
    module = importlib.import_module(f"pyiso20022.camt.{version}.{version}")
    config = ParserConfig(fail_on_unknown_properties=True, fail_on_unknown_attributes=True, fail_on_converter_warnings=True)
    document = XmlParser(config=config).from_path(Path(path), module.Document)
    return check(document, "Document")


def check(value, where):
    """Every rule of every field below; how many were checked."""
    count = 0
    for field in dataclasses.fields(value):
        rules, found = field.metadata, getattr(value, field.name)
        at = f"{where}/{rules.get('name', field.name)}"
        items = found if isinstance(found, list) else [] if found is None else [found]
        if rules.get("required"):
            assert items, f"{at} is missing"
        if isinstance(found, list):
            assert len(items) >= rules.get("min_occurs", 0), f"{at}: too few"
            assert len(items) <= rules.get("max_occurs", sys.maxsize), f"{at}: too many"
        for item in items:
            count += 1
            if dataclasses.is_dataclass(item):
                count += check(item, at)
                continue
            text = item.value if isinstance(item, Enum) else item
            if isinstance(text, str):
                assert len(text) >= rules.get("min_length", 0), f"{at}: `{text}` is too short"
                assert len(text) <= rules.get("max_length", sys.maxsize), f"{at}: `{text}` is too long"
                if "pattern" in rules:
                    assert re.fullmatch(rules["pattern"], text), f"{at}: `{text}` is not {rules['pattern']}"
            if isinstance(text, Decimal):
                digits = text.as_tuple()
                assert -digits.exponent <= rules.get("fraction_digits", 99), f"{at}: {text} has too many places"
                assert len(digits.digits) <= rules.get("total_digits", 99), f"{at}: {text} has too many digits"
                assert text >= Decimal(rules.get("min_inclusive", text)), f"{at}: {text} is too small"
    return count


def pain(path, text):
    import sepaxml
    import xmlschema

    version = re.search(r"xsd:(pain\.001\.001\.\d\d)", text).group(1)
    schema = xmlschema.XMLSchema(str(Path(sepaxml.__file__).parent / "schemas" / f"{version}.xsd"))
    schema.validate(path)
    return sum(1 for _ in schema.iter_decode(path))


for path in sys.argv[1:]:
    text = Path(path).read_text(encoding="utf-8")
    checked = pain(path, text) if "pain.001" in text else camt(path, text)
    assert checked, f"{path}: nothing was checked"
    print(f"{path}: {checked}")
