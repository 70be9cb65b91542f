"""How often an address may ask for forms and send them: an office has many customers behind one."""

from openlines_project.lib.limits import Limit

READ = (Limit("form-read", 120, 60),)
SEND = (Limit("form-send", 30, 60), Limit("form-send-long", 200, 3600))
# Wrong links: guessing them is hopeless, and is not helped.
GUESS = (Limit("form-guess", 30, 60),)
