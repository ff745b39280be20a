"""Words that usually make two articles of one brand and size different ones, whatever else their names share."""

from splitcart.measures.names import name_words

_DIET = """
    light lite low lower less reduced no non not free zero diet sugar sugarfree sweetened unsweetened unsalted
    salted salt fat skim full whole lactose gluten dairy vegan vegetarian plant based organic natural protein iron
    calcium fiber carb keto halal kosher decaffeinated caffeine caffeinated added extra plus max mega mini maxi
    giant jumbo large medium small king double triple single twin half quarter strong mild hot spicy thick thin
    chunky smooth crunchy creamy crispy firm fresh frozen dried canned raw cooked roasted smoked grilled fried
    unsmoked ground instant liquid powder tablet capsule gel spray cream foam lotion wash shampoo conditioner grated
    shredded diced crushed minced crumbed boneless skinless infant newborn toddler junior crawler walker kid baby
    kitten puppy adult senior men women boy girl day night sensitive fragrance scented unscented fragranced
    hypoallergenic ply unbleached recycled regular classic original traditional premium deluxe ultimate professional
    advanced active total sparkling still carbonated pulp seedless white brown black red blue green yellow pink
    purple orange grey silver gold blonde dark milk clear peeled unpeeled month year week
"""
_FLAVOURS = """
    vanilla chocolate strawberry raspberry blueberry blackberry boysenberry cranberry berry cherry apple pear peach
    nectarine apricot plum prune mango passionfruit pineapple banana coconut lemon lime orange mandarin grapefruit
    tangerine citrus tropical grape blackcurrant currant raisin sultana fig date pomegranate watermelon melon
    rockmelon kiwi kiwifruit lychee guava papaya almond hazelnut peanut cashew pecan walnut pistachio macadamia nut
    seed honey maple caramel butterscotch toffee fudge mocha coffee latte cappuccino espresso mint peppermint
    spearmint eucalyptus menthol ginger cinnamon chai cola lemonade tonic soda creaming pasito chicken beef lamb
    pork turkey duck ham bacon salmon tuna sardine prawn crab fish seafood egg cheese cheddar parmesan mozzarella
    feta ricotta camembert brie tasty vintage colby tomato basil garlic onion chive leek capsicum chilli jalapeno
    pepper paprika mushroom spinach pumpkin carrot corn pea bean lentil chickpea potato beetroot olive herb rosemary
    thyme oregano parsley coriander mustard mayonnaise barbecue vinegar soy teriyaki satay curry korma butter
    tandoori tikka sriracha bolognese carbonara napoletana arrabbiata pesto alfredo salsa oat wheat rye barley spelt
    quinoa rice wholemeal multigrain grain sourdough linseed bran sesame sunflower canola oil brine springwater
    water jelly gravy lavender rose jasmine sandalwood charcoal aloe vera tea camomile chamomile ocean blossom lily
    floral summer spring winter autumn cocoa matcha cookie cake brownie neapolitan honeycomb rum
"""
DISTINGUISHING = frozenset(word for text in (_DIET, _FLAVOURS) for word in name_words(text))


def distinguishes(word: str) -> bool:
    """Tell whether a word, in one name and not in the other, usually means another article. Numbers always do."""
    return word in DISTINGUISHING or is_number(word)


def is_number(word: str) -> bool:
    """Tell whether a word has a digit: a number, a size, a strength."""
    return any(letter.isdigit() for letter in word)
