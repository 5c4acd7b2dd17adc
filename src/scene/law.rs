//! Reading a law: a table with a `type` and the parameters that this law has, from the table of laws;
//! or a table without, of changes to the law of a preset.

use super::world::StatedLaw;
use crate::laws::{Bound, Law, LawKind, Parameter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, EnumAccess, MapAccess, VariantAccess, Visitor};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt;

impl<'de> Deserialize<'de> for StatedLaw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StatedLaw, D::Error> {
        deserializer.deserialize_enum("law", LawKind::NAMES_OR_NONE, LawVisitor)
    }
}

struct LawVisitor;

impl<'de> Visitor<'de> for LawVisitor {
    type Value = StatedLaw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a law")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<StatedLaw, A::Error> {
        let (name, content) = access.variant::<String>()?;
        if name.is_empty() {
            return content.struct_variant(&[], ChangesVisitor).map(StatedLaw::Changes);
        }
        let unknown = || de::Error::unknown_variant(&name, LawKind::NAMES);
        let kind = LawKind::from_name(&name).ok_or_else(unknown)?;
        content.struct_variant(kind.keys(), ParametersVisitor(kind)).map(StatedLaw::Whole)
    }
}

/// Reads changes; whether the law has such keys is known once its preset is.
struct ChangesVisitor;

impl<'de> Visitor<'de> for ChangesVisitor {
    type Value = Vec<(String, f64)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut changes = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            changes.push((key, map.next_value::<NumberOrSwitch>()?.0));
        }
        Ok(changes)
    }
}

/// A number; true is 1 and false is 0.
struct NumberOrSwitch(f64);

impl<'de> Deserialize<'de> for NumberOrSwitch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = NumberOrSwitch;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, true or false")
            }
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<NumberOrSwitch, E> {
                Ok(NumberOrSwitch(f64::from(u8::from(on))))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<NumberOrSwitch, E> {
                Ok(NumberOrSwitch(number as f64))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<NumberOrSwitch, E> {
                Ok(NumberOrSwitch(number))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Reads the parameters of a law of this kind.
struct ParametersVisitor(LawKind);

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = Law;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Law, A::Error> {
        let ParametersVisitor(kind) = self;
        let parameters = kind.spec().parameters;
        let mut values: Vec<Option<f64>> = vec![None; parameters.len()];
        while let Some(Key(place)) = map.next_key_seed(KeySeed(kind))? {
            values[place] = Some(match parameters[place].is_switch {
                true => f64::from(u8::from(map.next_value::<bool>()?)),
                false => map.next_value()?,
            });
        }
        let given = |(value, parameter): (Option<f64>, &Parameter)| {
            let missing = || de::Error::missing_field(parameter.key);
            value.or(parameter.default).ok_or_else(missing).map(|v| parameter.to_code(v))
        };
        let values = values.into_iter().zip(parameters).map(given);
        Ok(Law::from_values(kind, &values.collect::<Result<Vec<f64>, A::Error>>()?))
    }
}

/// The place of a parameter among those of a law.
struct Key(usize);

struct KeySeed(LawKind);

impl<'de> de::DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Key, E> {
        let keys = self.0.keys();
        let place = keys.iter().position(|known| *known == key);
        place.map(Key).ok_or_else(|| de::Error::unknown_field(key, keys))
    }
}

impl JsonSchema for StatedLaw {
    fn schema_name() -> Cow<'static, str> {
        "Law".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut laws: Vec<Value> = LawKind::ALL.iter().map(|&kind| law_schema(kind)).collect();
        laws.push(json!({
            "description": "Keys of the preset's law that are other than there.",
            "type": "object",
            "properties": { "type": false },
            "additionalProperties": { "type": ["number", "boolean"] },
        }));
        json_schema!({ "description": "Constitutive law and its parameters.", "oneOf": laws })
    }
}

fn law_schema(kind: LawKind) -> Value {
    let spec = kind.spec();
    let mut properties = Map::new();
    properties.insert("type".into(), json!({ "type": "string", "const": spec.name }));
    let mut required = vec!["type"];
    for (parameter, doc) in spec.parameters.iter().zip(spec.parameter_docs) {
        properties.insert(parameter.key.into(), parameter_schema(parameter, doc));
        if parameter.default.is_none() {
            required.push(parameter.key);
        }
    }
    json!({
        "description": spec.doc.trim(),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn parameter_schema(parameter: &Parameter, doc: &str) -> Value {
    let mut schema = Map::new();
    let doc = doc.trim();
    let unit = match parameter.unit {
        "" => String::new(),
        unit => format!(" [{unit}]"),
    };
    schema.insert("description".into(), json!(format!("{doc}{unit}")));
    if parameter.is_switch {
        schema.insert("type".into(), json!("boolean"));
        schema.insert("default".into(), json!(parameter.default == Some(1.0)));
        return Value::Object(schema);
    }
    schema.insert("type".into(), json!("number"));
    if let Some(default) = parameter.default {
        schema.insert("default".into(), json!(default));
    }
    let ends = [
        (parameter.low, "minimum", "exclusiveMinimum"),
        (parameter.high, "maximum", "exclusiveMaximum"),
    ];
    for (bound, closed, open) in ends {
        match bound {
            Bound::None => {}
            Bound::Closed(value) => drop(schema.insert(closed.into(), json!(value))),
            Bound::Open(value) => drop(schema.insert(open.into(), json!(value))),
        }
    }
    Value::Object(schema)
}
