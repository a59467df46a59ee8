"""A live page on this machine: curves that follow sliders, and simulations beside them.

Needs bokeh, as in ``pip install 'asymptotics[explore]'``; the command is ``asymptotics explore``.
"""
