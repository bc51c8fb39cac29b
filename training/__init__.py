"""How the embedded model is made: data, training, evaluation; the product never imports it."""
