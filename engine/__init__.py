"""The engine of Lathe: one document in (`engine.specs.RunSpec`), one store out (`engine.api`)."""
