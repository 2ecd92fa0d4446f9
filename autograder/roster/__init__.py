"""Who is in a class: tables of learners as people and programs write them."""
