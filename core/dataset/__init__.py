"""From kept messages to examples: the recipe, the examples, their split, their checks and the files made of them."""
