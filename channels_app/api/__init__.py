"""The REST API of the post office, and what every API view of the product is made of."""
