"""Inside of the language; `dsl.registry`, `dsl.config` and `dsl.words` are its doors."""
