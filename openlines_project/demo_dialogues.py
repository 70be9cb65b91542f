"""What the demonstration's visitors say, and what operators answer: invented people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialogue:
    """`lines` begin with the visitor and go in turn."""

    name: str
    lines: tuple[str, ...]


DIALOGUES = (
    Dialogue("Helena Prado", (
        "Good morning! The table I ordered arrived with a scratch on the top.",
        "Good morning, Helena. I am sorry to read that. Could you tell me the order number?",
        "48 213",
        "Thank you. A new top goes out on Thursday, free of charge, and we take the old one back.",
        "Perfect, thank you!",
    )),
    Dialogue("Tomás Quiroga", (
        "Hola, ¿envían a Montevideo?",
        "Hello Tomás, yes, in six to eight working days. Delivery is free from 200 on.",
        "Great, I will order today.",
    )),
    Dialogue("Júlia Amaral", (
        "Oi, vocês abrem no sábado?",
        "Oi, Júlia! Sim, das 9h às 13h.",
        "Ótimo, passo aí com as medidas da sala.",
    )),
    Dialogue("Edward Osei", (
        "Is the oak bench still available?",
        "It is, we have four of them. Shall I put one aside for you?",
        "Yes please, until Friday.",
    )),
    Dialogue("Дарья Мельник", (
        "Здравствуйте! Можно перенести доставку на субботу?",
        "Hello Daria, of course. Saturday between 9 and 12?",
        "Да, подойдёт. Спасибо!",
        "You are welcome. The driver calls you half an hour before.",
        "Хорошо, буду ждать",
    )),
    Dialogue("Renata Vilela", (
        "Bom dia, o parafuso que faltava chegou?",
        "Bom dia, Renata! Chegou ontem. Quer que eu envie ou prefere retirar?",
        "Pode enviar, por favor. O endereço é o mesmo.",
    )),
    Dialogue("Noor Haddad", (
        "هل يتوفر هذا الكرسي باللون الأخضر؟",
        "Hello Noor, yes: dark green and olive. Which one do you like better?",
        "Olive, please. Do you have a photo in daylight?",
    )),
    Dialogue("Camila Ferraz", ("O sofá veio sem os pés, e agora?", "", "Pedido 50 117.")),
    Dialogue("Oliver Brandt", (
        "Hi, can I pay in three instalments?", "", "And is there a discount for paying at once?",
    )),
    Dialogue("Bistrô Canela", (
        "We need 24 chairs for the terrace by the end of the month. Is that possible?", "",
        "Stackable ones, if you have them.",
    )),
)  # fmt: skip

# People who come while the demonstration runs. What they are answered is the reader's part.
VISITORS = (
    Dialogue("Sofia Lindqvist", (
        "Hello, how long is the warranty on the Lisboa armchair?", "",
        "And does it cover the fabric too?",
    )),
    Dialogue("Pedro Antunes", (
        "Boa tarde! O frete para Curitiba demora quanto?", "", "Perfeito, vou fechar o pedido.",
    )),
    Dialogue("Grace Mbeki", (
        "My parcel says delivered, but nothing arrived.", "", "It is order 50 342.",
    )),
    Dialogue("Lucas Ferreira", ("Vocês fazem montagem?", "", "Ótimo, pode ser na sexta?")),
    Dialogue("Emma Novak", (
        "Can I change the colour of my order? It is from this morning.", "",
        "Dark green instead of olive, please.",
    )),
    Dialogue("Rafael Costa", (
        "Preciso da segunda via da nota fiscal, por favor.", "", "O CPF é o do cadastro. Obrigado!",
    )),
    Dialogue("Hannah Weiss", (
        "Do you have a showroom I can visit?", "", "Lovely, see you on Saturday then.",
    )),
    Dialogue("Bruna Teles", (
        "O cupom BEMVINDO não funciona no carrinho.", "", "Agora deu certo, obrigada!",
    )),
)  # fmt: skip

# Who gets no answer asks again, in a language everybody reads.
NUDGES = ("👋", "?", "🙏", "⏳")
