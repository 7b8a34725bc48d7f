//! What made-up data is made of.

pub(super) const WORDS: &[&str] = &[
    "anchor", "apple", "archive", "autumn", "balance", "basket", "beacon", "bridge", "brief", "bright",
    "button", "canvas", "carbon", "castle", "circle", "clever", "cloud", "copper", "corner", "cotton",
    "crystal", "current", "daily", "distant", "dragon", "early", "eastern", "echo", "engine", "even",
    "falcon", "famous", "feather", "field", "final", "flame", "forest", "fresh", "garden", "gentle", "glass",
    "golden", "granite", "harbour", "harvest", "hidden", "hollow", "honest", "island", "ivory", "journey",
    "juniper", "kettle", "kind", "ladder", "lantern", "lasting", "letter", "little", "marble", "meadow",
    "mellow", "mirror", "morning", "narrow", "northern", "ocean", "old", "open", "orchard", "paper",
    "pebble", "pencil", "plain", "pocket", "quiet", "quick", "rain", "ready", "river", "round", "saddle",
    "sailor", "scarlet", "shadow", "silent", "silver", "simple", "slow", "small", "southern", "spring",
    "steady", "stone", "summer", "tender", "thread", "timber", "travel", "valley", "velvet", "village",
    "violet", "walnut", "warm", "water", "western", "whisper", "wide", "willow", "winter", "wooden",
    "yellow", "young",
];

pub(super) const FIRST_NAMES: &[&str] = &[
    "Ada", "Amir", "Ana", "Anton", "Beatriz", "Bela", "Bruno", "Carla", "Chen", "Clara", "Dario", "Dina",
    "Elias", "Elif", "Emma", "Farid", "Fatima", "Felix", "Greta", "Hana", "Hugo", "Ida", "Igor", "Ines",
    "Ivan", "Jana", "Jonas", "Julia", "Kenji", "Klara", "Lars", "Leila", "Liam", "Lina", "Luis", "Maja",
    "Marco", "Mei", "Mila", "Mona", "Nadia", "Nils", "Noah", "Nora", "Olga", "Omar", "Oskar", "Paula",
    "Pavel", "Priya", "Rosa", "Sami", "Sara", "Sofia", "Tariq", "Tessa", "Tomas", "Vera", "Yara", "Zoe",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Abbott", "Andersen", "Banerjee", "Becker", "Blanc", "Brandt", "Castro", "Chen", "Costa", "Dubois",
    "Duran", "Eriksen", "Farkas", "Ferrari", "Fischer", "Garcia", "Haddad", "Hansen", "Horvat", "Ito",
    "Ivanova", "Jansen", "Kaya", "Keller", "Khan", "Kim", "Kowalski", "Larsen", "Laurent", "Lopez", "Marin",
    "Meyer", "Moreau", "Moreno", "Murphy", "Nakamura", "Novak", "Okafor", "Olsen", "Patel", "Pereira",
    "Petrov", "Popescu", "Rossi", "Sato", "Schmidt", "Silva", "Singh", "Sokolov", "Tanaka", "Torres",
    "Varga", "Vogel", "Walsh", "Weber", "Yilmaz",
];
