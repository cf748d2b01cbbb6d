"""What a role is, and what a package of roles declares so that anybody can run them."""
