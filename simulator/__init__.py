"""A stand-in for Meta's WhatsApp Cloud API with a phone-like page.

It accepts what a bot sends, delivers signed webhooks as Meta does, and lets people and tests play
the customers. It must not know the bot: nothing of the other rooms is imported here.
"""
