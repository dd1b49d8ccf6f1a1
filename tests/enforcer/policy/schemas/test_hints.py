import pytest

from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.policy.pointers import text_of
from enforcer.policy.schema import CompiledSchema, compile_arguments
from enforcer.policy.schemas.hints import Kind

TEXT: JsonObject = {"type": "string"}


def found(schema: JsonObject, kind: Kind) -> list[str]:
    compiled = compile_arguments(schema)
    assert isinstance(compiled, CompiledSchema), compiled
    return sorted(text_of(steps) for steps in compiled.places(kind))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(
            (name, "path")
            for name in ("path", "file", "repo_path", "filePath", "FILE_PATH", "directory", "cwd", "source")
        ),
        *((name, "path") for name in ("path_to_read", "data_path", "outputDir", "files2", "target-folder")),
        *((name, "url") for name in ("url", "imageURL", "uri", "url_to_fetch", "file_url", "callback_uri", "webhook")),
        *(
            (name, None)
            for name in ("profile", "file_content", "file_id", "path_type", "content", "query", "name", "message")
        ),
        *((name, None) for name in ("source_code_language", "directory_depth", "curl", "url_count")),
    ],
)
def test_a_name_says_what_its_argument_is(name, kind):
    schema: JsonObject = {"properties": {name: TEXT}}
    assert found(schema, "path") == ([f"/{name}"] if kind == "path" else [])
    assert found(schema, "url") == ([f"/{name}"] if kind == "url" else [])


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string", "format": "uri"}, "url"),
        ({"type": "string", "format": "file-path"}, "path"),
        ({"type": "string", "description": "Absolute path of the file to read"}, "path"),
        ({"type": "string", "description": "The directory to list"}, "path"),
        ({"type": "string", "description": "The URL to open"}, "url"),
        ({"type": "string", "description": "Who to greet"}, None),
        ({"type": "integer", "description": "Path to the file"}, None),
    ],
)
def test_format_and_description_say_it_where_the_name_does_not(schema, kind):
    tool: JsonObject = {"properties": {"value": schema}}
    assert found(tool, "path") == (["/value"] if kind == "path" else [])
    assert found(tool, "url") == (["/value"] if kind == "url" else [])


@pytest.mark.parametrize(
    ("schema", "pointers"),
    [
        ({"paths": {"type": "array", "items": TEXT}}, ["/paths/*"]),
        ({"paths": {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}}, ["/paths", "/paths/*"]),
        ({"path": {"type": ["string", "null"]}}, ["/path"]),
        ({"path": {}}, ["/path"]),
        ({"path": {"$ref": "#/$defs/text"}}, ["/path"]),
        ({"value": {"$ref": "#/$defs/text", "description": "path to the file"}}, ["/value"]),
        ({"edits": {"type": "array", "items": {"properties": {"file": TEXT, "line": {}}}}}, ["/edits/*/file"]),
        ({"files": {"type": "object", "additionalProperties": TEXT}}, ["/files/*"]),
        ({"files": {"patternProperties": {"^x": TEXT}}}, ["/files/*"]),
        ({"move": {"prefixItems": [{"description": "path to move"}, TEXT], "type": "array"}}, ["/move/0"]),
        ({"o": {"allOf": [{"properties": {"dir": TEXT}}], "if": {"properties": {"cwd": TEXT}}}}, ["/o/cwd", "/o/dir"]),
        ({"path": {"type": "integer"}}, []),
        ({"path": False}, []),
    ],
)
def test_pointers_lead_to_every_text_of_the_argument(schema, pointers):
    assert found({"properties": schema, "$defs": {"text": TEXT}}, "path") == pointers


def test_below_a_recursive_reference_a_field_is_found_at_any_depth():
    node: JsonValue = {"properties": {"path": TEXT, "children": {"items": {"$ref": "#/$defs/node"}}}}
    assert found({"properties": {"tree": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}, "path") == [
        *("/tree/**/path", "/tree/path")
    ]
    nest: JsonValue = {"anyOf": [TEXT, {"type": "array", "items": {"$ref": "#/$defs/nest"}}]}
    assert found({"properties": {"paths": {"$ref": "#/$defs/nest"}}, "$defs": {"nest": nest}}, "path") == [
        *("/paths", "/paths/**/*")
    ]


def test_definitions_that_all_lead_to_each_other_are_searched_once():
    names = [f"n{n}" for n in range(40)]
    each: JsonObject = {"properties": {name: {"$ref": f"#/$defs/{name}"} for name in names} | {"file": TEXT}}
    schema: JsonObject = {"properties": {"x": {"$ref": "#/$defs/n0"}}, "$defs": dict.fromkeys(names, each)}
    assert found(schema, "path") == ["/x/**/file", "/x/file"]
