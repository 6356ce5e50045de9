// One player for the whole page. Faster play raises the pitch, which brings calls below 200 Hz out of small loudspeakers.

const SPEEDS = [0.5, 1, 2, 4, 8];

const player = (() => {
  const audio = new Audio();
  audio.preservesPitch = false;
  const watchers = [];
  let speed = page.speed;
  let playing = null; // the card's own: { sound, moved(share), changed(playing) }
  const tell = () => playing?.changed(!audio.paused && !audio.ended);
  const follow = () => {
    if (!playing || audio.paused) return;
    playing.moved(audio.duration ? audio.currentTime / audio.duration : 0);
    requestAnimationFrame(follow);
  };
  const leave = () => {
    audio.pause();
    playing?.changed(false);
    playing?.moved(null);
    playing = null;
  };
  audio.addEventListener("play", () => {
    tell();
    follow();
  });
  audio.addEventListener("pause", tell);
  audio.addEventListener("ended", () => {
    tell();
    playing?.moved(null);
  });
  const begin = (track, share) => {
    if (playing !== track) {
      leave();
      playing = track;
      audio.src = track.sound;
    }
    audio.defaultPlaybackRate = speed;
    audio.playbackRate = speed;
    audio.preservesPitch = false;
    if (share !== undefined) {
      const seek = () => {
        audio.currentTime = share * audio.duration;
      };
      if (audio.readyState >= 1) seek();
      else audio.addEventListener("loadedmetadata", seek, { once: true });
    }
    // a browser may refuse to play before the page was touched, and a new clip ends the wait for the old one
    audio.play().catch((error) => {
      if (error.name === "NotSupportedError") playing?.failed();
    });
  };
  return {
    audio,
    toggle: (track) => {
      if (playing === track && !audio.paused) audio.pause();
      else begin(track);
    },
    begin,
    leave,
    speed: () => speed,
    setSpeed: (wished) => {
      speed = wished;
      audio.playbackRate = speed;
      watchers.forEach((watcher) => watcher(speed));
    },
    watch: (watcher) => watchers.push(watcher),
    forget: () => watchers.splice(0),
  };
})();
