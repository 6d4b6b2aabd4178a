"""The contracts: what travels on the bus, as typed models, released Avro schemas, a strict codec, and data."""
