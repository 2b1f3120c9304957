"""What people hand in: plans, crews, folders of specs, standard input, the parameters of the page."""
