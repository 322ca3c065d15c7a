"""Inside of the language; `dsl.language.registry`, `dsl.language.configuration` and `dsl.language.listing` are its doors."""
