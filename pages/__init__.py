"""The screens, one a file; each reads the state, draws the form, calls one verb, draws the answer."""
